# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Exchange against ledger, read without the daemon: the exchange by its own HTTP API, the ledger by psycopg2.

Both sides become one shape (Truth); compare() lists every difference between them: orders, fills, positions, cash.
Cash may differ by one cent per fill, because the broker rounds; nothing else may differ at all.
"""
import json
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import psycopg2
import psycopg2.extras

CENT = Decimal("0.01")
MICROSECOND = timedelta(microseconds=1)


@dataclass
class Truth:
    account: str = ""
    orders: dict = field(default_factory=dict)     # client order id -> what is known of the order
    fills: dict = field(default_factory=dict)      # activity id -> the fill
    positions: dict = field(default_factory=dict)  # symbol -> shares
    cash: Decimal = Decimal(0)


def number(text):
    return None if text is None else Decimal(text).normalize() + 0


def when(text):
    """An instant to the microsecond (Postgres keeps no more); more digits are cut."""
    if text is None:
        return None
    stamp, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(stamp).replace(tzinfo=timezone.utc) + timedelta(microseconds=int((rest + "000000")[:6]))


class Exchange:
    def __init__(self, url, key, secret):
        self.url, self.key, self.secret = url, key, secret

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"APCA-API-KEY-ID": self.key,
                                                                   "APCA-API-SECRET-KEY": self.secret})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def all_orders(self):
        found, after = {}, ""
        while True:
            page = self.get(f"/v2/orders?status=all&direction=asc&limit=500{after}")
            found.update({o["id"]: o for o in page})
            if len(page) < 500:
                return list(found.values())
            after = "&after=" + page[-1]["submitted_at"]

    def all_fills(self):
        found, token = [], ""
        while True:
            page = self.get(f"/v2/account/activities/FILL?direction=asc&page_size=100{token}")
            found += page
            if len(page) < 100:
                return found
            token = "&page_token=" + page[-1]["id"]

    def truth(self):
        t = Truth()
        account = self.get("/v2/account")
        t.account, t.cash = account["account_number"], number(account["cash"])
        for o in self.all_orders():
            t.orders[o["client_order_id"]] = {
                "order_id": o["id"], "symbol": o["symbol"], "side": o["side"], "type": o["type"],
                "time_in_force": o["time_in_force"], "qty": number(o["qty"]), "notional": number(o["notional"]),
                "limit_price": number(o["limit_price"]), "status": o["status"], "filled_qty": number(o["filled_qty"]),
                "filled_avg_price": number(o["filled_avg_price"])}
        for f in self.all_fills():
            t.fills[f["id"]] = {
                "order_id": f["order_id"], "symbol": f["symbol"], "side": f["side"], "partial": f["type"] == "partial_fill",
                "qty": number(f["qty"]), "price": number(f["price"]), "cum_qty": number(f["cum_qty"]),
                "leaves_qty": number(f["leaves_qty"]), "at": when(f["transaction_time"])}
        t.positions = {p["symbol"]: number(p["qty"]) for p in self.get("/v2/positions")}
        return t


class Ledger:
    def __init__(self, dsn):
        self.dsn = dsn

    def rows(self, sql, *args):
        link = psycopg2.connect(self.dsn, cursor_factory=psycopg2.extras.RealDictCursor)
        try:
            link.set_session(readonly=True, isolation_level="REPEATABLE READ")
            with link.cursor() as c:
                c.execute(sql, args or None)
                return [dict(r) for r in c.fetchall()]
        finally:
            link.close()

    def truth(self, account):
        t = Truth(account)
        for o in self.rows("SELECT i.*, o.order_id, o.status, o.filled_qty, o.filled_avg_price FROM intents i "
                           "JOIN orders o USING (client_order_id) WHERE i.account_number = %s", account):
            if o["status"] in ("denied", "dry_run", "not_placed"):
                continue  # never sent: the exchange cannot know them
            t.orders[o["client_order_id"]] = {
                "order_id": o["order_id"], "symbol": o["symbol"], "side": o["side"], "type": o["type"],
                "time_in_force": o["time_in_force"], "qty": number(o["qty"]), "notional": number(o["notional"]),
                "limit_price": number(o["limit_price"]), "status": o["status"], "filled_qty": number(o["filled_qty"]),
                "filled_avg_price": number(o["filled_avg_price"])}
        for f in self.rows("SELECT * FROM fills WHERE account_number = %s", account):
            t.fills[f["activity_id"]] = {
                "order_id": f["order_id"], "symbol": f["symbol"], "side": f["side"], "partial": f["partial"],
                "qty": number(f["qty"]), "price": number(f["price"]), "cum_qty": number(f["cum_qty"]),
                "leaves_qty": number(f["leaves_qty"]), "at": f["transaction_time"].astimezone(timezone.utc)}
        # Positions and cash from the postings themselves, not from the sums the ledger keeps of them.
        sums = "SELECT symbol, sum(qty) AS qty FROM postings WHERE account_number = %s AND part = 'position' GROUP BY symbol"
        t.positions = {r["symbol"]: number(r["qty"]) for r in self.rows(sums, account) if r["qty"] != 0}
        cash = "SELECT coalesce(sum(amount), 0) AS cash FROM postings WHERE account_number = %s AND part = 'cash'"
        t.cash = number(self.rows(cash, account)[0]["cash"])
        return t

    def inner(self, account):
        """What the ledger says of itself: the sums it keeps, books against positions, run by run."""
        out = []
        kept = {r["symbol"]: number(r["qty"]) for r in self.rows(
            "SELECT symbol, sum(qty) AS qty FROM books WHERE account_number = %s GROUP BY symbol", account) if r["qty"] != 0}
        t = self.truth(account)
        if kept != t.positions:
            out.append(f"ledger: books sum to {kept}, postings to {t.positions}")
        cash = self.rows("SELECT cash FROM cash_balances WHERE account_number = %s", account)
        if not cash or number(cash[0]["cash"]) != t.cash:
            out.append(f"ledger: cash balance {cash}, postings {t.cash}")
        for r in self.rows("SELECT f.activity_id FROM fills f LEFT JOIN entries e USING (activity_id) WHERE e.entry_id IS NULL "
                           "AND f.account_number = %s", account):
            out.append(f"ledger: fill {r['activity_id']} has no entry")
        return out


def _tables(name, left, right):
    out = []
    for key in sorted(set(left) | set(right)):
        if key not in left or key not in right:
            out.append(f"{name} {key}: only the {'ledger' if key not in left else 'exchange'} has it")
            continue
        a, b = left[key], right[key]
        if not isinstance(a, dict):
            a, b = {"qty": a}, {"qty": b}
        for member in a:
            if member == "at" and abs(a[member] - b[member]) <= MICROSECOND:
                continue
            if a[member] != b[member]:
                out.append(f"{name} {key}: {member}: exchange {a[member]}, ledger {b[member]}")
    return out


def compare(exchange, ledger):
    """Every difference, in words; none when they are equal."""
    out = []
    if exchange.account != ledger.account:
        out.append(f"account: exchange {exchange.account}, ledger {ledger.account}")
    out += _tables("order", exchange.orders, ledger.orders)
    out += _tables("fill", exchange.fills, ledger.fills)
    out += _tables("position", exchange.positions, ledger.positions)
    if abs(exchange.cash - ledger.cash) > CENT * len(exchange.fills):
        out.append(f"cash: exchange {exchange.cash}, ledger {ledger.cash}, {len(exchange.fills)} fills")
    return out


def check(exchange, ledger):
    """Reads both sides and compares: (differences, exchange's truth)."""
    truth = exchange.truth()
    return compare(truth, ledger.truth(truth.account)) + ledger.inner(truth.account), truth
