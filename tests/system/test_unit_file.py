# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The service unit: systemd accepts it without a word, its sandbox is tight, and what it says fits the daemon."""
import configparser
import os
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("PAPERGUARD_BUILD", ROOT / "build")) / "bin"
UNIT = ROOT / "systemd/paperguardd.service"
EXPOSURE_MAX = 2.0


class Unit(dict):
    """Section -> key -> values, in order; keys may come more than once."""

    def __init__(self, text):
        super().__init__()
        section = None
        for line in text.splitlines():
            if m := re.fullmatch(r"\[(\w+)\]", line):
                section = self.setdefault(m.group(1), {})
            elif line and line[0] not in "#;":
                key, _, value = line.partition("=")
                section.setdefault(key, []).append(value)


@pytest.fixture(name="unit")
def fixture_unit():
    return Unit(UNIT.read_text())


def analyze(*args):
    return subprocess.run(["systemd-analyze", "--no-pager", *args], capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"})


def copy_of(text, folder, name="paperguardd.service"):
    """A copy that points at the built binaries; it stands alone, so units of this machine are not judged with it."""
    path = folder / name
    path.write_text(text.replace("/usr/sbin/paperguardd", str(BIN / "paperguardd")))
    return path


def test_verify_has_nothing_to_say(tmp_path):
    done = analyze("verify", "--man=no", str(copy_of(UNIT.read_text(), tmp_path)))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@pytest.mark.parametrize("old, new", [
    ("Type=notify", "Type=notify-reload"),
    ("ProtectProc=invisible", "ProtectProc=unseen"),
    ("NoNewPrivileges=yes", "NoNewPriviliges=yes"),
    ("SystemCallFilter=@system-service", "SystemCallFilter=@systemservice"),
    ("/usr/sbin/paperguardd", "/usr/sbin/paperguarddd"),
])
def test_verify_would_speak_up(old, new, tmp_path):
    text = UNIT.read_text()
    assert old in text
    done = analyze("verify", "--man=no", str(copy_of(text.replace(old, new), tmp_path)))
    assert done.stderr or done.returncode


def exposure(path):
    done = analyze("security", "--offline=true", str(path))
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found.group(1)), done.stdout


def test_the_sandbox_is_tight(tmp_path):
    level, table = exposure(copy_of(UNIT.read_text(), tmp_path))
    print(f"exposure {level}")
    assert level < EXPOSURE_MAX, table
    looser = "\n".join(line for line in UNIT.read_text().splitlines() if not line.startswith(("Protect", "SystemCall")))
    assert exposure(copy_of(looser, tmp_path, "looser.service"))[0] > EXPOSURE_MAX


def test_it_waits_and_restarts_as_the_daemon_expects(unit):
    service = unit["Service"]
    assert service["Type"] == ["notify"]
    assert service["TimeoutStartSec"] == ["infinity"]
    assert service["Restart"] == ["on-failure"]
    assert set(service["RestartPreventExitStatus"][0].split()) == {"64", "78"}
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert "ExecStartPre" not in service  # its exit status is not looked at by RestartPreventExitStatus=
    drain_s = int(re.search(r"#define DRAIN_NS \((\d+) \*", (ROOT / "daemon/main.c").read_text()).group(1))
    assert int(service["TimeoutStopSec"][0].removesuffix("s")) > drain_s + 10


def test_folders_are_those_of_the_configuration(unit):
    sample = configparser.ConfigParser(interpolation=None, strict=True)
    sample.read_string(re.sub(r"^#(\w+ =)", r"\1", (ROOT / "conf/paperguard.conf").read_text(), flags=re.M)
                       .partition("\n# Where health")[0])
    service = unit["Service"]
    assert sample["daemon"]["state_dir"] == "/var/lib/" + service["StateDirectory"][0]
    assert sample["daemon"]["admin_socket"].startswith("/run/" + service["RuntimeDirectory"][0] + "/")


def test_credentials_are_those_the_daemon_looks_for(unit):
    code = "".join(p.read_text() for p in sorted((ROOT / "daemon").glob("facts*.c")))
    for name in unit["Service"]["LoadCredential"]:
        assert re.fullmatch(r"[a-z_]+", name), "without a path, so that a missing one is no failure"
        assert f'"{name}"' in code
    assert not [line for line in UNIT.read_text().splitlines() if line.startswith("Environment=")]


@pytest.mark.parametrize("arguments, status", [(["--no-such-option"], 64), (["--config", "/nonexistent/paperguard.conf"], 78)])
def test_the_daemon_ends_with_the_status_that_prevents_a_restart(arguments, status):
    done = subprocess.run([BIN / "paperguardd", *arguments], capture_output=True, text=True, env={}, timeout=20, check=False)
    assert done.returncode == status, done.stderr
    assert done.stderr.strip()


def test_user_and_files_are_declared():
    assert re.search(r"^u paperguard ", (ROOT / "systemd/paperguard.sysusers").read_text(), re.M)
    tmpfiles = (ROOT / "systemd/paperguard.tmpfiles").read_text()
    assert "z /etc/paperguard/paperguard.conf 0640 root paperguard\n" in tmpfiles


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="no systemd-sysusers here")
def test_sysusers_and_tmpfiles_are_accepted(tmp_path):
    (tmp_path / "etc").mkdir()
    tools = (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles"))
    for tool, name in tools if os.geteuid() == 0 else tools[:1]:  # only root may give files away
        create = ["--create"] if name == "tmpfiles" else []
        done = subprocess.run([tool, *create, f"--root={tmp_path}", ROOT / f"systemd/paperguard.{name}"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool}: {done.stderr}"
    assert "paperguard:" in (tmp_path / "etc/passwd").read_text()


# --- the others

STRATEGY = ROOT / "systemd/paperguard-strategy@.service"
SOCKET = ROOT / "systemd/paperguard-strategy.socket"
INSTANCE = ROOT / "systemd/paperguardd@.service"


def folder_of_copies(tmp_path, **changed):
    for unit in (UNIT, STRATEGY, SOCKET, INSTANCE):
        text = changed.get(unit.name.partition(".")[0].replace("-", "_").replace("@", "_"), unit.read_text())
        copy_of(text.replace("/usr/libexec/paperguard/paperguard-keeper", str(BIN / "paperguard-keeper")), tmp_path, unit.name)
    return tmp_path


@pytest.mark.parametrize("name", [SOCKET.name, "paperguard-strategy@1-2-3.service", "paperguardd@second.service"])
def test_verify_has_nothing_to_say_of_the_others(tmp_path, name):
    folder = folder_of_copies(tmp_path)
    if "@" in name:
        template = name.partition("@")[0] + "@.service"
        (folder / name).write_text((folder / template).read_text())
    done = analyze("verify", "--man=no", str(folder / name))
    said = "\n".join(line for line in done.stderr.splitlines() if "/usr/s" not in line and "network-online" not in line)
    assert (done.returncode, said, done.stdout) == (0, "", "")


def test_a_strategy_has_less_than_the_daemon(tmp_path):
    text = STRATEGY.read_text().replace("/usr/libexec/paperguard/paperguard-keeper", str(BIN / "paperguard-keeper"))
    level, table = exposure(copy_of(text, tmp_path, "strategy.service"))
    assert level < 1.0, table
    service = Unit(text)["Service"]
    assert service["User"] == ["paperguard-strategy"] and service["PrivateNetwork"] == ["yes"]
    assert "LoadCredential" not in service and "EnvironmentFile" not in service
    hidden = " ".join(service["InaccessiblePaths"])
    for path in ("/etc/paperguard", "/etc/credstore", "/var/lib/paperguard", "/run/paperguard", "/run/credentials"):
        assert f"-{path} " in hidden + " "
    assert service["StateDirectory"] == ["paperguard-strategy"] and service["ExecStart"] == ["" + str(BIN / "paperguard-keeper")]
    for bound in ("MemoryMax", "TasksMax", "RuntimeMaxSec"):
        assert service[bound]
    assert "paperguard-strategy" in (ROOT / "systemd/paperguard.sysusers").read_text()


def test_the_socket_is_the_one_the_daemon_looks_for(unit):
    socket = Unit(SOCKET.read_text())["Socket"]
    option = re.search(r"^#?socket = (\S+)", (ROOT / "conf/paperguard.conf").read_text(), re.M).group(1)
    assert socket["ListenStream"] == [option] and socket["Accept"] == ["yes"]
    assert socket["SocketUser"] == unit["Service"]["User"] and socket["SocketMode"] == ["0600"]
    assert SOCKET.name in unit["Unit"]["Wants"][0].split() and SOCKET.name in unit["Unit"]["After"][0].split()


def test_an_instance_differs_only_in_its_name():
    """Line by line: what is not about the name is the same."""
    one, many = (u.read_text().split("[Unit]", 1)[1] for u in (UNIT, INSTANCE))
    many = many.replace(" (%i)", "").replace("/etc/paperguard/%i.conf", "/etc/paperguard/paperguard.conf")
    many = re.sub(r"^(LoadCredential=(\w+)):\2\.%i$", r"\1", many, flags=re.M).replace("-%i", "")
    assert one == many
