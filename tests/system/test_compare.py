# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The comparer itself: a difference anywhere must be seen, or "ledger == exchange" means nothing. One real run is settled,
then every kind of row is tampered with, behind the ledger's own triggers, and put back."""
import copy
import sys
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest

from harness import KEY, SECRET, Site

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402


@pytest.fixture(scope="module")
def settled(pg):
    site = Site(pg)
    try:
        site.begin()
        site.daemon.ctl("run")
        assert site.run_ended()["settled"]
        site.daemon.stop()
        yield site
    finally:
        site.close()


def differences(site):
    return compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))[0]


TAMPER = {
    "fill price": ("UPDATE fills SET price = price + 0.01, exact_amount = qty * (price + 0.01), cents = round(qty * (price + 0.01), 2) "
                   "WHERE activity_id = %s", "price"),
    "fill quantity": ("UPDATE fills SET qty = qty + 0.000000001, exact_amount = (qty + 0.000000001) * price WHERE activity_id = %s",
                      "qty"),
    "fill side": ("UPDATE fills SET side = 'sell' WHERE activity_id = %s", "side"),
    "fill time": ("UPDATE fills SET transaction_time = transaction_time + interval '1 ms' WHERE activity_id = %s", "at"),
    "fill is partial": ("UPDATE fills SET partial = NOT partial WHERE activity_id = %s", "partial"),
    "fill of another order": ("UPDATE fills SET order_id = 'x' || order_id WHERE activity_id = %s", "order_id"),
    "fill missing": ("DELETE FROM fills WHERE activity_id = %s", "only the exchange"),
    "fill made up": ("INSERT INTO fills SELECT 'x' || activity_id, account_number, order_id, client_order_id, symbol, side, partial, "
                     "qty, price, cum_qty, leaves_qty, exact_amount, cents, transaction_time, recorded_at FROM fills "
                     "WHERE activity_id = %s", "only the ledger"),
    "order status": ("UPDATE orders SET status = 'canceled' WHERE order_id = (SELECT order_id FROM fills WHERE activity_id = %s)",
                     "status"),
    "order quantity": ("UPDATE intents SET qty = qty + 1 WHERE client_order_id = (SELECT client_order_id FROM fills "
                       "WHERE activity_id = %s)", "qty"),
    "filled quantity": ("UPDATE orders SET filled_qty = 0 WHERE order_id = (SELECT order_id FROM fills WHERE activity_id = %s)",
                        "filled_qty"),
    "position": ("UPDATE postings SET qty = qty + 1 WHERE part = 'position' AND entry_id = (SELECT entry_id FROM entries "
                 "WHERE activity_id = %s)", "position"),
    "cash": ("UPDATE postings SET amount = amount - 0.05 WHERE part = 'cash' AND entry_id = (SELECT entry_id FROM entries "
             "WHERE activity_id = %s)", "cash"),
    "book sums": ("UPDATE books SET qty = qty + 1 WHERE symbol = (SELECT symbol FROM fills WHERE activity_id = %s)", "books sum to"),
    "cash balance": ("UPDATE cash_balances SET cash = cash + 1 WHERE %s <> ''", "cash balance"),
    "entry missing": ("UPDATE entries SET kind = 'cash', activity_id = NULL WHERE activity_id = %s", "has no entry"),
}


def test_nothing_to_find_when_nothing_is_wrong(settled):
    assert differences(settled) == []


@pytest.mark.parametrize("what", list(TAMPER))
def test_tampered_row_is_found(settled, what):
    sql, word = TAMPER[what]
    fill = settled.sql("SELECT activity_id FROM fills ORDER BY 1 LIMIT 1")[0]["activity_id"]
    # In a copy of the database, with triggers and constraints out of the way: what a fault in the ledger could leave behind.
    copy_name = f"tampered{list(TAMPER).index(what)}"
    source = settled.dsn.rsplit("dbname=", 1)[1]
    settled.pg.do(f"CREATE DATABASE {copy_name} TEMPLATE {source}", settled.pg.dsn())
    dsn = settled.pg.dsn(copy_name)
    link = psycopg2.connect(dsn)
    try:
        with link, link.cursor() as c:
            c.execute("SET session_replication_role = replica")
            c.execute(sql, (fill,))
            assert c.rowcount >= 1
    finally:
        link.close()
    found = compare.check(compare.Exchange(settled.sim.url, KEY, SECRET), compare.Ledger(dsn))[0]
    assert found and any(word in line for line in found), found


def test_the_ledger_itself_refuses_such_changes(settled):
    for table in ("fills", "entries", "postings", "intents"):
        with pytest.raises(psycopg2.Error, match="keeps what it holds"):
            settled.sql(f"UPDATE {table} SET account_number = account_number")
        with pytest.raises(psycopg2.Error, match="keeps what it holds"):
            settled.sql(f"DELETE FROM {table}")
    assert differences(settled) == []


def test_cash_tolerance_is_one_cent_per_fill():
    one = compare.Truth("PASIM1", {}, {"a": {"qty": Decimal(1)}, "b": {"qty": Decimal(1)}}, {}, Decimal("10.00"))
    other = copy.deepcopy(one)
    other.cash = Decimal("10.02")
    assert compare.compare(one, other) == []
    other.cash = Decimal("10.03")
    assert len(compare.compare(one, other)) == 1
    other.cash, other.account = one.cash, "PASIM2"
    assert len(compare.compare(one, other)) == 1
