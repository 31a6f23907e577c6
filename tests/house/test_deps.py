# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""tests/tools/deps.sh on pretended machines: what it asks apt for, and what it leaves alone."""
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tests/tools/deps.sh"
PACKAGES = subprocess.run(["sh", SCRIPT, "--list"], capture_output=True, text=True, check=True).stdout.split()
GOOD = "2.1.12-stable-8+deb12u1"

# dpkg-query -W knows the files of $STATE; apt-get logs its words, plans what $STATE/plan says, and installs.
DPKG_QUERY = """#!/bin/sh
case $1 in
-W) [ -e "$STATE/have/$3" ] && printf 'install ok installed\\t%s\\n' "$(cat "$STATE/have/$3")" ;;
-L) cat "$STATE/files/$2" 2>/dev/null ;;
esac
"""
APT_GET = """#!/bin/sh
echo "$@" >>"$STATE/log"
case " $* " in
*' update '*) touch "$STATE/updated"; exit "${UPDATE_STATUS:-0}" ;;
*' -s '*)
    [ -e "$STATE/updated" ] || [ -z "${NEEDS_UPDATE:-}" ] || { echo 'E: Unable to locate package x'; exit 100; }
    cat "$STATE/plan"
    exit 0 ;;
esac
cp "$STATE/etc/postgresql-common/createcluster.d/"*.conf "$STATE/seen.conf" 2>/dev/null
for word; do
    case $word in -* | install | APT::*) ;; libevent-dev) echo "${LIBEVENT:-%s}" >"$STATE/have/$word" ;; *) echo 1 >"$STATE/have/$word" ;; esac
done
exit "${INSTALL_STATUS:-0}"
""" % GOOD


class Machine:
    def __init__(self, folder):
        self.folder = folder
        for name in ("bin", "have", "files", "etc"):
            (folder / name).mkdir()
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("sudo", '#!/bin/sh\nexec "$@"\n'),
                           ("pkg-config", "#!/bin/sh\n")):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        (folder / "plan").write_text("")
        for package in PACKAGES:
            self.have(package)

    def have(self, package, version=GOOD):
        (self.folder / "have" / package).write_text(version + "\n")

    def lose(self, *packages):
        for package in packages:
            (self.folder / "have" / package).unlink()
        self.plan(*[f"Inst {p} ({GOOD} Debian:12 [amd64])" for p in packages])

    def plan(self, *lines):
        (self.folder / "plan").write_text("\n".join(lines) + "\n")

    def run(self, *arguments, **env):
        done = subprocess.run(["sh", SCRIPT, *arguments], capture_output=True, text=True, check=False,
                              env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "STATE": str(self.folder),
                                   "DEPS_ETC": f"{self.folder}/etc", **env})
        return done.returncode, done.stdout + done.stderr

    def asked(self):
        """The commands apt-get got, without dry runs."""
        log = self.folder / "log"
        return [line for line in (log.read_text().splitlines() if log.exists() else []) if " -s " not in line]


@pytest.fixture(name="machine")
def fixture_machine(tmp_path):
    return Machine(tmp_path)


def test_with_everything_there_apt_is_not_asked(machine):
    assert machine.run() == (0, "deps: everything is there\n")
    assert machine.run("--quiet") == (0, "")
    assert not (machine.folder / "log").exists()


def test_only_what_is_missing_is_installed_and_nothing_upgraded(machine):
    machine.lose("cppcheck", "libjansson-dev")
    status, output = machine.run()
    assert status == 0 and output.endswith("deps: done\n"), output
    (line,) = machine.asked()
    words = line.split()
    assert {"install", "-y", "--no-install-recommends", "--no-upgrade"} <= set(words)
    assert [w for w in words if w in PACKAGES] == ["libjansson-dev", "cppcheck"]


def test_lists_are_fetched_only_when_a_package_is_unknown(machine):
    machine.lose("cppcheck")
    assert machine.run(NEEDS_UPDATE="1")[0] == 0
    assert [line.split()[-1] for line in machine.asked()] == ["update", "cppcheck"]


def test_no_cluster_is_made(machine):
    machine.lose("postgresql-15")
    assert machine.run()[0] == 0
    assert (machine.folder / "seen.conf").read_text() == "create_main_cluster = false\n"
    assert not list((machine.folder / "etc").rglob("*.conf")), "the setting is gone again"


def test_the_setting_is_gone_after_a_failure_too(machine):
    machine.lose("postgresql-15")
    assert machine.run(INSTALL_STATUS="100")[0] != 0
    assert (machine.folder / "seen.conf").exists()
    assert not list((machine.folder / "etc").rglob("*.conf"))


@pytest.mark.parametrize("line", ["Inst systemd [252.1] (252.39 Debian:12 [amd64])", "Remv systemd [252.1]"])
def test_what_has_services_is_neither_upgraded_nor_removed(machine, line):
    machine.lose("libsystemd-dev")
    machine.plan("Inst libsystemd-dev (252.39 Debian:12 [amd64])", line, "Inst libsystemd0 [252.1] (252.39 Debian:12 [amd64])")
    (machine.folder / "files/systemd").write_text("/.\n/lib/systemd/system/systemd-logind.service\n")
    (machine.folder / "files/libsystemd0").write_text("/usr/lib/x86_64-linux-gnu/libsystemd.so.0\n")
    status, output = machine.run()
    assert status != 0 and "would upgrade or remove: systemd (" in output, output
    assert machine.asked() == []


def test_a_library_may_come_along(machine):
    machine.lose("libsystemd-dev")
    machine.plan("Inst libsystemd-dev (252.39 Debian:12 [amd64])", "Inst libsystemd0 [252.1] (252.39 Debian:12 [amd64])")
    assert machine.run()[0] == 0


@pytest.mark.parametrize("version, good", [("2.1.12-stable-8", False), ("2.1.11-stable-1", False), (GOOD, True),
                                           ("2.1.12-stable-8+deb12u2", True), ("2.2.1-1", True)])
def test_an_old_libevent_is_refused(machine, version, good):
    machine.have("libevent-dev", version)
    status, output = machine.run()
    assert (status == 0) == good
    assert good or f"libevent-dev is {version}, but {GOOD} or newer is needed" in output
    assert machine.asked() == []


def test_an_old_libevent_is_not_installed(machine):
    machine.lose("libevent-dev")
    machine.plan("Inst libevent-dev (2.1.12-stable-8 Debian:12 [amd64])")
    status, output = machine.run()
    assert status != 0 and "libevent-dev is 2.1.12-stable-8, but" in output
    assert [line.split()[-1] for line in machine.asked()] == ["update"]


def test_what_cannot_be_had_is_told(machine):
    machine.lose("cppcheck")
    status, output = machine.run(NEEDS_UPDATE="1", UPDATE_STATUS="100")
    assert status != 0 and "apt-get update failed" in output


def test_no_server_package_is_asked_for():
    assert not {"postgresql", "redis", "redis-server", "postgresql-15-main"} & set(PACKAGES)


def test_an_unknown_option_is_refused(machine):
    assert machine.run("--force")[0] == 64
