# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What must stop paperguardd before it opens a single connection: wrong switches, live keys, other endpoints, files that
others may read. Always exit 78, always with the name of what is wrong, never with a value that may be secret."""
import os
import socket
import threading

import pytest

from harness import KEY, SECRET, Daemon, Scratch, Strategy

# Put together here so that no file of this project holds such a word.
LIVE_KEY = "AK" + "Z7Q4" * 4 + "XY"
LIVE_KEY_LONG = "AK" + "Q9Z8" * 6
PAPER = "https://paper-api.alpaca.markets"


class Listener:
    """The only address the daemon may know here: counts who comes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.socket.accept()[0].close()
                self.count += 1
            except OSError:
                return


@pytest.fixture(scope="module")
def listener():
    one = Listener()
    yield one
    one.socket.shutdown(socket.SHUT_RDWR)
    one.socket.close()


@pytest.fixture
def refused(listener):
    """Starts a daemon that must refuse: its whole output, after exit 78."""
    folders = []

    def run(*names, env=None, extra="", prepare=None, **sections):
        scratch = Scratch()
        folders.append(scratch)
        sections.setdefault("broker", {}).setdefault("endpoint", f"http://127.0.0.1:{listener.port}")
        d = Daemon(scratch.path, "", f"host={scratch.path} dbname=none", "", [Strategy()], env=env, **sections)
        d.write(extra)
        if prepare:
            prepare(d)
        try:
            assert d.start().exit() == 78, d.text()
        finally:
            d.close()
        text = d.text()
        for name in names:
            assert name in text, text
        assert not d.notify.has("READY") and not (d.state / "listen").exists()
        assert listener.count == 0, "something was connected to"
        for secret in (SECRET, KEY, LIVE_KEY, LIVE_KEY_LONG):
            assert secret not in text
        return text

    yield run
    for f in folders:
        f.remove()


WRONG = ["", "1", "0", "TRUE", "True", "yes", "on", "true ", " true", "true\n", "false", "ture", "truetrue", "“true”"]


@pytest.mark.parametrize("value", WRONG + [None])
@pytest.mark.parametrize("name", ["DRY_RUN", "ALPACA_PAPER"])
def test_locks(refused, name, value):
    refused(name, env={name: value})


@pytest.mark.parametrize("value", ["", "TRUE", "True", "false", "0", "true ", "yes", "2", "11"])
def test_staging_mode(refused, value):
    refused("STAGING_MODE", env={"STAGING_MODE": value})


@pytest.mark.parametrize("value", ["", "prod", "production", "live", "STAGING", "Staging", "staging ", "stage", "test"])
@pytest.mark.parametrize("name", ["ENVIRONMENT", "APP__STAGE"])
def test_stage(refused, name, value):
    refused(name, env={"ENVIRONMENT": None, name: value})


def test_stage_unset_or_in_conflict(refused):
    refused("ENVIRONMENT", "APP__STAGE", env={"ENVIRONMENT": None})
    refused("ENVIRONMENT", "APP__STAGE", env={"APP__STAGE": "dev"})


@pytest.mark.parametrize("key", ["dry_run", "alpaca_paper"])
@pytest.mark.parametrize("value", ["false", "TRUE", "1", "yes"])
def test_config_that_contradicts_the_environment(refused, key, value):
    refused(key.upper(), "paperguard.conf:", staging={key: value})


@pytest.mark.parametrize("name", ["ALPACA_LIVE_API_KEY", "ALPACA_LIVE_API_SECRET", "APCA_LIVE_TOKEN", "alpaca_live_key",
                                  "LIVE_SECRET", "MY_LIVE_TRADING_KEY"])
def test_live_key_by_name(refused, name):
    refused(name, env={name: "whatever"})


@pytest.mark.parametrize("value", [LIVE_KEY, LIVE_KEY_LONG, f"postgres://{LIVE_KEY}@db/x", f"a,{LIVE_KEY};b"])
def test_live_key_by_value(refused, value):
    refused("SOME_SETTING", env={"SOME_SETTING": value})


@pytest.mark.parametrize("name", ["ALPACA_KEY", "APCA_API_KEY_ID"])
def test_live_key_as_the_key(refused, name):
    refused(name, env={"ALPACA_KEY": None, name: LIVE_KEY})


def test_live_key_in_the_config(refused):
    refused("paperguard.conf:", extra=f"# old: {LIVE_KEY}\n")
    def params(d):
        d.strategies = [Strategy(name="other", params='{"key":"' + LIVE_KEY + '"}', command="/bin/true")]
        d.write()
    refused("paperguard.conf:", prepare=params)


def credential(d, name, text, mode=0o600):
    folder = d.folder / "credentials"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(mode)
    d.env["CREDENTIALS_DIRECTORY"] = str(folder)


@pytest.mark.parametrize("name,text", [("alpaca_key_id", LIVE_KEY + "\n"), ("notes.txt", f"old key {LIVE_KEY}\n"),
                                       ("alpaca_live_key", "x\n"), ("LIVE_TOKEN", "x")])
def test_live_key_in_a_credential_file(refused, name, text):
    refused(name, prepare=lambda d: credential(d, name, text))


def test_live_key_in_a_key_file(refused):
    def prepare(d):
        path = d.folder / "key"
        path.write_text(LIVE_KEY)
        path.chmod(0o600)
        d.sections["broker"]["key_id_file"] = path
        d.env.pop("ALPACA_KEY")
        d.write()
    refused("/key", prepare=prepare)


@pytest.mark.parametrize("key", ["", "PKSHORT!", "CK" + "A" * 18, "pk" + "a" * 18, "PK" + "A" * 18, None])
def test_key_of_another_kind(refused, key):
    """Missing, of no known class, or a real paper key at a simulator."""
    refused("key_class", env={"ALPACA_KEY": key})


def test_simulator_key_at_alpaca(refused):
    refused("key_class", broker={"endpoint": PAPER})


def test_keys_that_differ(refused):
    refused("ALPACA_KEY", "APCA_API_KEY_ID", env={"APCA_API_KEY_ID": KEY[:-1] + "2"})


def test_near_miss_is_told(refused):
    refused("ALPACA_API_KEY", "ALPACA_PAPER_API_KEY", env={"ALPACA_KEY": None, "ALPACA_API_KEY": KEY})


ENDPOINTS = [
    "https://api.alpaca.markets", "https://api.alpaca.markets/v2", "https://api.alpaca.markets/",
    "http://paper-api.alpaca.markets", "HTTPS://paper-api.alpaca.markets", "https://PAPER-API.alpaca.markets",
    "https://paper-api.alpaca.markets.", "https://paper-api.alpaca.markets:443", "https://paper-api.alpaca.markets:8443",
    "https://user@paper-api.alpaca.markets", "https://user:pw@paper-api.alpaca.markets",
    "https://paper-api.alpaca.markets@evil.example", "https://paper-api.alpaca.markets.evil.example",
    "https://paper-api-alpaca.markets", "https://paper-api.alpaca.market", "https://papers-api.alpaca.markets",
    "https://paper-api.аlpaca.markets", "https://paper-api.xn--lpaca-3ve.markets", "https://paper-api.alpaca.markets/v1",
    "https://paper-api.alpaca.markets/v2/orders", "https://paper-api.alpaca.markets?x=1", "https://paper-api.alpaca.markets#x",
    "https://paper-api.alpaca.markets\\@evil.example", "paper-api.alpaca.markets", "//paper-api.alpaca.markets", "", "https://",
    "https://data.alpaca.markets", "https://broker-api.alpaca.markets", "wss://paper-api.alpaca.markets",
    "http://127.0.0.1", "http://127.0.0.1:0", "http://127.0.0.1:99999", "https://127.0.0.1:9", "http://10.0.0.1:80",
    "http://127.0.0.1.evil.example:80", "http://127.1:80", "http://0.0.0.0:80", "http://[::]:80", "http://2130706433:80",
    "http://localhost.:80", "http://127.0.0.1:80@evil.example",
]


@pytest.mark.parametrize("url", ENDPOINTS)
def test_endpoint_in_the_config(refused, url):
    refused("endpoint", broker={"endpoint": url})


@pytest.mark.parametrize("name", ["ALPACA_ENDPOINT", "ALPACA__ENDPOINT", "APCA_API_BASE_URL"])
@pytest.mark.parametrize("url", ["https://api.alpaca.markets", "https://api.alpaca.markets/v2", PAPER, "http://127.0.0.1:1", ""])
def test_endpoint_variable_that_is_not_the_simulators(refused, name, url):
    """With a simulator configured, a variable that names anything else stops the start, Alpaca's paper host included."""
    refused(name, env={name: url})


@pytest.mark.parametrize("name,value", [
    ("BINANCE_TESTNET", "0"), ("QT_EXECUTION_BINANCE_TESTNET", "false"), ("ALPACA_PAPER_TRADE", "no"),
    ("ALPACA_LIVE_TRADE", "true"), ("DATABASE_URL", "postgresql://u@db-prod.example/trading"),
    ("STAGING_DATABASE_URL", "postgresql://u@h/production"), ("REPORTS_DATABASE_URL", "postgresql://live@h/x")])
def test_production_looking_settings(refused, name, value):
    refused(name, env={name: value})


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o660, 0o666, 0o777])
def test_config_that_others_may_read_or_change(refused, mode):
    refused("paperguard.conf", "mode", prepare=lambda d: d.config.chmod(mode))


def test_config_fragment_that_others_may_read(refused):
    def prepare(d):
        folder = d.folder / "paperguard.conf.d"
        folder.mkdir()
        (folder / "10-more.conf").write_text("[orders]\nmin_trade = 7\n")
        (folder / "10-more.conf").chmod(0o644)
    refused("10-more.conf", prepare=prepare)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_config_of_another_user(refused):
    refused("paperguard.conf", prepare=lambda d: os.chown(d.config, 12345, 0))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660])
def test_secret_files_that_others_may_read(refused, mode):
    refused("token", prepare=lambda d: (d.folder / "token").chmod(mode))
    refused("alpaca_key_id", prepare=lambda d: credential(d, "alpaca_key_id", KEY, mode))


def test_missing_config(refused):
    refused("paperguard.conf", "No such file", prepare=lambda d: d.config.unlink())


def test_config_that_is_no_file(refused):
    def prepare(d):
        d.config.unlink()
        d.config.mkdir()
    refused("paperguard.conf", prepare=prepare)


@pytest.mark.parametrize("extra,told", [
    ("[orders]\nmin_trad = 5\n", "min_trade"),  # did you mean
    ("[ordres]\nmode = send\n", "orders"),
    ("[orders]\nmin_trade = 5\nmin_trade = 6\n", "min_trade"),
    ("[orders]\nmin_trade = many\n", "min_trade"),
    ("[orders]\nmin_trade = -1\n", "min_trade"),
    ("[risk]\nlong_only = TRUE\n", "long_only"),
    ("[orders]\nequity_deployment_pct = 1.5\n", "equity_deployment_pct"),
    ("[orders\n", "section header"),
    ("just words\n", "key = value"),
    ("[broker]\nrequest_timeout = 10\n", "request_timeout"),
    ("[orders]\nmode = live\n", "mode"),
    ("[strategy \"weights\"]\nband = 0\n", "weights"),
    ("[strategy \"x\"]\ncommand = relative/path\nschedule = every 20s\nsymbols = SPY\n"
     "allocation = 0\n", "command"),
    ("[strategy \"x\"]\ncommand = /bin/true\nschedule = whenever\nsymbols = SPY\n"
     "allocation = 0\n", "schedule"),
    ("[listen \"x\"]\naddress = localhost\nroles = health\n", "address"),
    ("[listen \"x\"]\naddress = 127.0.0.1:0\nroles = everything\n", "roles"),
])
def test_bad_lines(refused, extra, told):
    def prepare(d):
        line = len(d.config.read_text().split("\n"))
        d.config.write_text(d.config.read_text() + extra)
        d.line = line
    text = refused("paperguard.conf:", told, prepare=prepare)
    assert text.count("\n") < 60


def test_place_of_an_unknown_key(refused):
    d_line = {}

    def prepare(d):
        text = d.config.read_text() + "[orders]\nmin_trad = 5\n"
        d.config.write_text(text)
        d_line["n"] = text.count("\n")
    text = refused("min_trad", prepare=prepare)
    assert f"paperguard.conf:{d_line['n']}" in text and "min_trade" in text


def test_place_of_both_duplicates(refused):
    def prepare(d):
        d.sections["orders"] = {"min_trade": "5"}
        d.write()
        folder = d.folder / "paperguard.conf.d"
        folder.mkdir()
        (folder / "50-x.conf").write_text("\n\n[orders]\nmin_trade = 6\n")
        (folder / "50-x.conf").chmod(0o600)
    text = refused("min_trade", prepare=prepare)
    assert "50-x.conf:4" in text and "paperguard.conf:" in text


def test_variables_that_override_the_config(refused):
    refused("EQUITY_DEPLOYMENT_PCT", env={"EQUITY_DEPLOYMENT_PCT": "1.2"})
    refused("LOGGING__LEVEL", env={"LOGGING__LEVEL": "verbose"})
    refused("DATABASE_URL", env={"DATABASE_URL": ""})
    refused("DATABASE_URL", env={"DATABASE_URL": "postgresql://a@b/c", "STAGING_DATABASE_URL": "postgresql://a@b/d"})
