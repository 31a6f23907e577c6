# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Readers of history cannot hold anything up: a query that Postgres does not answer ends as 503, health answers from memory
meanwhile, orders and runs go on over their own connection, and a crowd of readers is bounded."""
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from harness import TOKEN, until


def took(fn, *words):
    start = time.monotonic()
    return fn(*words), time.monotonic() - start


def test_a_query_that_hangs(make_site):
    site = make_site(database={"statement_timeout": "1s"}).begin()
    assert site.run_whole()["status"] == "completed"
    blocker = psycopg2.connect(site.dsn)
    try:
        blocker.cursor().execute("LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(took, site.daemon.raw, "/api/v1/alerts") for _ in range(3)]
            for _ in range(20):
                answer, seconds = took(site.daemon.http, "/health")
                assert answer[0] == 200 and answer[1]["status"] == "healthy" and seconds < 0.5
            for w in waiting:
                (status, headers, _), seconds = w.result()
                assert status == 503 and "Retry-After" in headers and seconds < 10, (status, seconds)
        assert site.daemon.get("/api/v1/orders")["count"] == 4, "other tables are read all the same"
        placed = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": "a", "symbol": "SPY", "side": "buy", "qty": "1"},
                                  {"Authorization": f"Bearer {TOKEN}"})
        assert placed[0] == 201, placed
    finally:
        blocker.close()
    until(lambda: site.daemon.http("/api/v1/alerts")[0] == 200, 10, "alerts again")


def test_a_crowd_of_readers(make_site):
    site = make_site().begin()
    assert site.run_whole()["status"] == "completed"
    paths = ["/api/v1/orders", "/api/v1/fills?limit=1", "/api/v1/positions", "/api/v1/orchestration/runs", "/health", "/metrics"]
    with ThreadPoolExecutor(96) as pool:
        answers = list(pool.map(lambda n: took(site.daemon.raw, paths[n % len(paths)]), range(600)))
    codes = [status for (status, _, _), _ in answers]
    assert codes == [200] * 600, {c: codes.count(c) for c in set(codes)}
    assert max(seconds for _, seconds in answers) < 10
    assert site.daemon.get("/health")["status"] == "healthy" and site.run_whole()["status"] == "completed"
