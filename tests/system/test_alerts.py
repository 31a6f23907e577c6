# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Alerts that the daemon finds by watching: failed broker calls, a strategy that never completes, a model that is not sure."""
from harness import Strategy, until

ANSWER = '{"contract":1,"model":{"name":"m","version":"1"},"targets":[{"symbol":"SPY","weight":"0","confidence":"0.31"}]}'


def alerts(site, kind):
    return site.sql("SELECT subject, detail FROM alerts WHERE kind = %s", kind)


def test_a_strategy_that_never_completes_is_told_once(make_site):
    site = make_site(strategies=[Strategy("dead", "every 2s", command="/bin/false"),
                                 Strategy("paused", "every 2s", allocation="0")])
    site.daemon.db_init()
    site.daemon.start().up().ready()
    site.daemon.ctl("strategies", "pause", "paused", "look")
    site.accept()
    until(lambda: alerts(site, "run_overdue"), 20, "the alert")
    runs = len(site.runs())
    until(lambda: len(site.runs()) >= runs + 3, 20, "three more runs")
    told = alerts(site, "run_overdue")
    assert [t["subject"] for t in told if t["subject"] == "dead"] == ["dead"], told
    assert not [t for t in told if t["subject"] == "paused"], told
    assert "it is to run every 2 s" in told[0]["detail"]


def test_an_unsure_model_is_told_with_its_run(make_site):
    site = make_site(strategies=[Strategy("unsure", command=f"/bin/echo {ANSWER}", min_confidence="0.5")]).begin()
    assert site.run_whole()["status"] == "completed"
    until(lambda: alerts(site, "confidence_low"), 10, "the alert")
    assert [(t["subject"], t["detail"]) for t in alerts(site, "confidence_low")] == [
        ("unsure", "lowest confidence 0.31 is below min_confidence 0.5")]


def test_failed_broker_calls_are_told_once(make_site):
    site = make_site(broker={"compare_interval": "500ms"}).begin()
    assert alerts(site, "broker_errors") == []
    site.sim.fault("GET /v2*", "drop_before", count=1000000)
    until(lambda: alerts(site, "broker_errors"), 60, "the alert")
    until(lambda: site.daemon.text().count("alert broker_errors") == 1, 5, "the line")
    site.sim.clear_faults()
    assert len(alerts(site, "broker_errors")) == 1
