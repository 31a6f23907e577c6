# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Seeding test data deletes all trades; a deployment that is not told where to goes to production.

Source: staging-guides#20, a seeder that deletes all trades and a deployment that defaults to production.
Protected by: what Postgres keeps of fills, orders and decisions cannot be changed or removed (refuse_change, migration 0001), also not
by the tables' owner without more; db init takes an empty database only; guard_check_stage: no stage and no production."""
import psycopg2
import pytest

from acts import filled


@pytest.mark.parametrize("env", [{"ENVIRONMENT": None}, {"ENVIRONMENT": "prod"}, {"ENVIRONMENT": "production"}, {"ENVIRONMENT": ""},
                                 {"APP__STAGE": "prod"}], ids=["none", "prod", "production", "empty", "two that differ"])
def test_where_to_has_to_be_said(refused, env):
    assert "ENVIRONMENT" in refused(env=env)


@pytest.mark.parametrize("url", ["postgresql://db.production.internal/trading", "host=prod-db dbname=trading"])
def test_a_database_of_production(refused, url):
    refused("databases", database={"url": url})


def test_trades_cannot_be_deleted(make_site):
    site = make_site().begin()
    filled(site, "kept", "2")
    for statement in ("DELETE FROM fills", "TRUNCATE fills CASCADE", "UPDATE fills SET qty = 1", "DELETE FROM orders", "DELETE FROM intents",
                      "DELETE FROM decisions", "TRUNCATE order_events CASCADE"):
        with pytest.raises(psycopg2.Error):
            site.sql(statement)
    again = site.daemon.cli("db", "init")
    assert again.returncode != 0 and not again.stdout.startswith("database marked")
    assert len(site.sql("SELECT 1 FROM fills")) == 1 and len(site.sim.fills()) == 1
