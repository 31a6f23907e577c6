# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Pages of history by token: read while rows are added, they neither lose nor repeat one."""
import base64
import hashlib

import pytest

from harness import Site

# n counts rows of a list; five share a time, so that a page ends within one. A batch is what one round adds.
ROWS = "(SELECT n, timestamptz '2030-01-05 15:00:00Z' + n / 5 * interval '1.25 s' AS t, account_number AS account, instance FROM " \
       "generate_series(%s, %s) n, instances)"
RUN = "INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, scheduled_at, started_at, host, " \
      "instance) SELECT 'page-' || n, account, '2030-01-05'::date + n / 10, 'manual-' || n, '', 'test', '{weights}', 'completed', t, " \
      "CASE WHEN n % 3 > 0 THEN t END, 'h', instance FROM "
INTENT = "INSERT INTO intents (client_order_id, account_number, session, strategy, class, symbol, side, type, time_in_force, qty, " \
         "extended_hours, body, reserved, created_at, host, instance) SELECT 'page:' || n, account, '2030-01-05', 'weights', 'OPEN', " \
         "CASE n % 2 WHEN 0 THEN 'SPY' ELSE 'TLT' END, 'buy', 'market', 'day', 1, false, '{}', 0, t, 'h', instance FROM "
ORDER = "INSERT INTO orders (client_order_id, order_id, status, filled_qty, updated_at, reason) SELECT 'page:' || n, 'order-' || n, " \
        "'canceled', 0, t, '' FROM "
FILL = "INSERT INTO fills SELECT 'page::' || n, account, 'foreign-' || n, NULL, CASE n % 2 WHEN 0 THEN 'SPY' ELSE 'TLT' END, 'buy', " \
       "false, 1, 100, 1, 0, 100, 100, t, t FROM "
ENTRY = "INSERT INTO entries (account_number, kind, at, detail) SELECT account, 'cash', t, 'page ' || n FROM "
ACTIVITY = "INSERT INTO activities SELECT 'page::' || n, account, 'FEE', '', 'executed', '', CASE n % 2 WHEN 0 THEN 'SPY' ELSE '' END, " \
           "'USD', 0, -1, '2030-01-05', t, t FROM "
ALERT = "INSERT INTO alerts (alert_key, host, instance, kind, subject, detail, at) SELECT 'page-' || n, 'h', instance, 'drill', 'SPY', " \
        "'page ' || n, t FROM "
DECISION = "INSERT INTO decisions SELECT 'h', instance, 100000 + n, 'page-' || n, 'guard', 'SPY', 'denied', 'r', '', t, repeat('0', 64) FROM "
EQUITY = "INSERT INTO equity_snapshots SELECT account, '2030-01-05', t + n % 5 * interval '1 us', 1, 1, 1, 0, 0, 'timer', NULL FROM "
# list: what adds rows, path, which member tells rows apart
LISTS = {
    "runs": ([RUN], "/api/v1/orchestration/runs", "run_id"), "orders": ([INTENT, ORDER], "/api/v1/orders", "client_order_id"),
    "fills": ([FILL], "/api/v1/fills", "activity_id"), "entries": ([ENTRY], "/api/v1/entries", "entry_id"),
    "activities": ([ACTIVITY], "/api/v1/activities", "activity_id"), "alerts": ([ALERT], "/api/v1/alerts", "id"),
    "decisions": ([DECISION], "/api/v1/decisions", "seq"), "equity": ([EQUITY], "/api/v1/equity", "at"),
}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    site = Site(pg)
    try:
        site.daemon.db_init()
        site.daemon.start().up().ready()
        yield site
    finally:
        site.close()


class Rows:
    """Of one list: added at its front, read in pages."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.inserts, self.path, self.key = LISTS[name]
        self.last = 0

    def add(self, count):
        for insert in self.inserts:
            self.site.sql("SET session_replication_role = replica; " + insert.replace(" % ", " %% ") + ROWS + " AS rows",
                          self.last + 1, self.last + count)
        self.last += count

    def page(self, **query):
        return self.site.daemon.get(self.path + "?" + "&".join(f"{k}={v}" for k, v in query.items()))

    def keys(self, page):
        return [row[self.key] for row in page[self.name]]

    def walk(self, limit, member, parameter, **query):
        """All pages, with two rows added after each; and all rows that were there when the first was read."""
        whole = self.keys(self.page(limit=500, **query))
        page = self.page(limit=limit, **query)
        walked = self.keys(page)
        while page[member] is not None:
            assert page["count"] == limit
            self.add(2)
            page = self.page(limit=limit, **query, **{parameter: page[member]})
            walked += self.keys(page)
            if len(walked) > 2 * len(whole):
                break  # it does not end
        return walked, whole


@pytest.fixture(name="rows", params=LISTS)
def fixture_rows(request, site):
    return Rows(site, request.param)


def test_pages_by_token_neither_lose_nor_repeat(rows):
    rows.add(23)
    for limit in (1, 3, 500):
        walked, whole = rows.walk(limit, "next_page_token", "page_token")
        assert walked == whole and len(set(walked)) == len(walked) >= 23
    by_offset, whole = rows.walk(3, "next_offset", "offset")
    assert by_offset != whole, "rows came in front, and the pages by offset did not shift: the test adds them wrongly"


def test_a_token_goes_with_filters(site):
    fills = Rows(site, "fills")
    fills.last = 10000
    fills.add(9)
    walked, whole = fills.walk(2, "next_page_token", "page_token", symbol="SPY")
    assert walked == whole and len(walked) >= 4
    assert all(int(k.rsplit(":", 1)[1]) % 2 == 0 for k in walked)


def test_tokens_that_the_list_did_not_give(site):
    rows = {name: Rows(site, name) for name in LISTS}
    for r in rows.values():
        r.last = 20000
        r.add(3)
    tokens = {name: r.page(limit=1)["next_page_token"] for name, r in rows.items()}
    assert all(tokens.values())

    def made(text):
        text += " " + hashlib.sha256(text.encode()).hexdigest()[:8]
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    assert site.daemon.http("/api/v1/alerts?page_token=" + made("alerts - 2030-01-05T15:00:00Z 5"))[0] == 200, "the form of those below"
    bad = {"orders": [tokens["fills"], tokens["orders"] + "AAAA", tokens["orders"][:-4], tokens["orders"][:-1], "x", "=", "a%01b",
                      "A" * 255, "A" * 256],
           "alerts": [made(f"alerts - {rest}") for rest in ("2030-01-05T15:00:00Z x", "2030-01-05T15:00:00Z -1", "yesterday 1",
                                                            "2030-01-05T15:00:00Z 99999999999999999999", "2030-01-05T15:00:00Z", "")],
           "runs": [made(f"runs {rest}") for rest in ("- 2030-01-05T15:00:00Z x", "2026-02-30 2030-01-05T15:00:00Z x")]}
    for name, tries in bad.items():
        for token in tries:
            status, answer = site.daemon.http(f"{rows[name].path}?page_token={token}")
            assert status == 400 and "page_token" in answer["detail"], f"{name} {token}: {status}"
    status, answer = site.daemon.http(f"/api/v1/orders?offset=0&page_token={tokens['orders']}")
    assert status == 400 and "exclude" in answer["detail"]
    for path in ("positions", "strategies", "signals"):
        assert site.daemon.http(f"/api/v1/{path}?page_token=x")[0] == 400
        assert "next_page_token" not in site.daemon.get(f"/api/v1/{path}")
