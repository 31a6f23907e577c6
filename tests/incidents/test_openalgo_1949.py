# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Everything says paper, and the account behind it is a real one: the word was only a label.

Source: marketcalls/openalgo#1949, the sandbox flag was only a label.
Protected by: the check account_number: what the broker itself calls the account decides."""
from acts import halted, place, table
from harness import until


def test_an_account_that_is_not_paper_is_never_traded(at_paper, live):
    site = at_paper(env={"STAGING_MODE": "1"})
    live.front.account = b"78901"
    site.daemon.db_init()
    assert site.daemon.start().exit() == 78
    assert "is not a paper account (PA…)" in site.daemon.text() and "account_number" in site.daemon.text()
    assert not site.daemon.notify.has("READY") and live.front.orders == 0
    assert not site.sql("SELECT 1 FROM entries") and not site.sql("SELECT 1 FROM intents")


def test_an_account_that_turns_real_while_running_latches_a_halt(at_paper, live):
    site = at_paper(broker={"compare_interval": "500ms", "poll_interval": "100ms"}).begin()
    live.front.account = b"78901"
    halted(site, "account")
    assert table(site)["account_number"][0] == "FAIL" and "is not a paper account" in table(site)["account_number"][1]
    assert place(site, "on-a-real-one")[:2] == (403, "account_number") and site.daemon.cli("run").returncode != 0
    live.front.account = b"PA3AB"
    until(lambda: table(site)["account_number"][0] == "PASS", 20, "paper again")
    assert place(site, "still")[:2] == (403, "halt"), "it stays until an operator releases it"
    assert live.front.orders == 0 and site.daemon.process.running()
    assert "ledger: refused" not in site.daemon.text(), "nothing is written down of an account that is not ours"
    assert site.sql("SELECT state FROM halt_state")[0]["state"] == "halted"
