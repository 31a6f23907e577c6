# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What befell others is re-enacted: tests/incidents.tsv names for each a test that is there, and for the simulated world the row of its table."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIMULATED = "tests/sim/incidents.c"
SOURCES = {
    "paper turned live": "DeviaVir/zenbot#1403 marketcalls/openalgo#1055 marketcalls/openalgo#1949 antequant/ib-gateway-docker#6"
                         " anandaanv/zerodha-algo-trading#194 freqtrade/freqtrade#4395 SpartanLabsXyz/simmer-sdk#345",
    "fails open": "nautechsystems/nautilus_trader#4946 alpacahq/Alpaca-API#164",
    "what staging guides get wrong": " ".join(f"staging-guides#{n}" for n in range(1, 21)),
    "duplicates": "nautechsystems/nautilus_trader#4215 bennycode/trading-signals#1178 scrtlabs/catalyst#317 alpacahq/Alpaca-API#270"
                  " Kalshi/kalshi-starter-code-python#135 freqtrade/freqtrade#13332 marketcalls/openalgo#1991",
    "reconciliation": "nautechsystems/nautilus_trader#4736 nautechsystems/nautilus_trader#5000 QuantConnect/Lean.Brokerages.Alpaca#28"
                      " QuantConnect/Lean.Brokerages.TradeStation#101 alpacahq/Alpaca-API#276 ml4t/live#67",
    "schedule": "agronholm/apscheduler#606 agronholm/apscheduler#292 QuantConnect/Lean#8514 rsheftel/pandas_market_calendars#390"
                " rsheftel/pandas_market_calendars#486 zipline-live/zipline#99",
    "state": "freqtrade/freqtrade#7184 richkuo/go-trader#849 hummingbot/hummingbot#2534 richkuo/go-trader#431 freqtrade/freqtrade#4074"
             " alpacahq/alpaca-trade-api-go#260 TorchTrade/torchtrade#246 hummingbot/hummingbot#7462 freqtrade/freqtrade#13421",
}


def rows(root=ROOT):
    lines = (root / "tests/incidents.tsv").read_text().splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def simulated(root=ROOT):
    return re.findall(r'\.source = "([^"]+)"', (root / SIMULATED).read_text())


def wrong(source, test, root=ROOT):
    """What keeps this row from being true, or None."""
    name, _, function = test.partition("::")
    path = root / name
    if not path.is_file():
        return f"{source}: there is no {name}"
    if name == SIMULATED:
        return None if source in simulated(root) else f"{source} is not in {name}"
    text = path.read_text()
    if name.endswith(".py"):
        there = re.search(rf"^def {re.escape(function)}\(", text, re.M) and function.startswith("test_")
    else:
        there = re.search(rf"cmocka_unit_test\w*\({re.escape(function)}\b", text)
    return None if there else f"{source}: {name} has no test {function}"


@pytest.mark.parametrize("section", SOURCES)
def test_each_is_re_enacted(section):
    assert not set(SOURCES[section].split()) - {row[0] for row in rows()}


def test_rows_name_what_is_there():
    assert all(len(row) == 3 and all(row) for row in rows())
    assert not [told for source, _, test in rows() if (told := wrong(source, test))]


def test_each_simulated_one_has_its_row():
    assert len(simulated()) == len(set(simulated()))
    assert not set(simulated()) - {source for source, _, test in rows() if test.startswith(SIMULATED)}


def test_each_file_of_incidents_is_in_the_table():
    """One file for each, which names its source as the table does."""
    of_file = {}
    for source, _, test in rows():
        if test.startswith("tests/incidents/"):
            of_file.setdefault(test.partition("::")[0], set()).add(source)
    files = {str(p.relative_to(ROOT)) for p in (ROOT / "tests/incidents").glob("test_*.py")} - {"tests/incidents/test_control.py"}
    assert set(of_file) == files and files
    for name, sources in of_file.items():
        assert len(sources) == 1 and f"\nSource: {min(sources)}, " in (ROOT / name).read_text(), name


def test_what_is_not_there_is_told():
    assert "is not in" in wrong("nobody/nothing#1", f"{SIMULATED}::incidents")
    assert "has no test" in wrong("a/b#1", "tests/system/test_memory.py::test_nothing")
    assert "has no test" in wrong("a/b#1", "tests/unit/test_exchange_days.c::test_nothing")
    assert "there is no" in wrong("a/b#1", "tests/system/test_nowhere.py::test_nothing")
