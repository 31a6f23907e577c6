# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`db status` and `db migrate`: without the daemon, on databases that are empty, somebody else's, behind, or ahead."""
import pytest

from harness import ROOT

COUNT = len(list((ROOT / "daemon/sql/migrations").glob("*.sql")))


def states(site):
    return [m["state"] for m in site.daemon.ctl_json("db", "status")["migrations"]]


def test_status_of_databases_of_all_kinds(make_site):
    site = make_site()
    empty = site.daemon.cli("db", "status")
    assert empty.returncode == 1 and "db init" in empty.stdout, empty
    assert "not set up" in site.daemon.cli("db", "migrate").stderr
    site.sql("CREATE TABLE theirs (x int)")
    assert "somebody else" in site.daemon.cli("db", "status").stdout
    assert site.daemon.cli("db", "migrate").returncode == 1
    site.sql("DROP TABLE theirs")
    site.daemon.db_init()
    told = site.daemon.ctl_json("db", "status")
    assert told["fits"] and told["environment"] == "staging" and states(site) == ["applied"] * COUNT
    assert "nothing to do" in site.daemon.ctl("db", "migrate")
    other = site.daemon.cli("db", "migrate", "--environment", "dev")
    assert other.returncode == 1 and "marked for environment staging" in other.stderr
    # The password stays where it belongs, and an unreachable server is no end of the world.
    away = site.daemon.cli("db", "status", "--url", "host=127.0.0.1 port=1 dbname=x")
    assert away.returncode == 75 and "cannot be reached" in away.stderr


def last_state(done):
    return done.stdout.rstrip("\n").split("\n")[-1].split()[-1]


def behind(site, statement="DELETE FROM schema_migrations WHERE version = %s"):
    site.sql("ALTER TABLE schema_migrations DISABLE TRIGGER ALL")
    site.sql(statement, COUNT)
    site.sql("ALTER TABLE schema_migrations ENABLE TRIGGER ALL")


def test_a_migration_that_is_missing_is_told_and_tried(make_site):
    site = make_site()
    site.daemon.db_init()
    behind(site)
    done = site.daemon.cli("db", "status")
    assert done.returncode == 1 and "db migrate" in done.stdout and last_state(done) == "missing"
    # Something is in its way: it fails, is rolled back, and says which it was.
    site.sql("CREATE FUNCTION stand_in_the_way() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''in the way''; END'")
    site.sql("CREATE TRIGGER stand_in_the_way BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION stand_in_the_way()")
    failed = site.daemon.cli("db", "migrate")
    assert failed.returncode == 1 and f"{COUNT:04d}_" in failed.stderr and "rolled back" in failed.stderr, failed
    assert any(why in failed.stderr for why in ("in the way", "already exists")) and last_state(site.daemon.cli("db", "status")) == "missing"


def test_other_text_and_newer_schemas(make_site):
    site = make_site()
    site.daemon.db_init()
    behind(site, "UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = %s")
    done = site.daemon.cli("db", "status")
    assert done.returncode == 1 and "other text" in done.stdout and last_state(done) == "differs"
    assert "nothing was changed" in site.daemon.cli("db", "migrate").stderr


@pytest.mark.parametrize("compatible_from,fits", [(COUNT, True), (COUNT + 1, False)])
def test_a_newer_schema_fits_when_it_says_so(make_site, compatible_from, fits):
    site = make_site()
    site.daemon.db_init()
    site.sql("INSERT INTO schema_migrations SELECT version + 1, 'later', checksum, %s, applied_at FROM schema_migrations "
             "WHERE version = %s", compatible_from, COUNT)
    done = site.daemon.cli("db", "status")
    assert done.returncode == (0 if fits else 1) and last_state(done) == "newer", done


def test_migrate_brings_an_older_database_up_to_date(make_site):
    """A database as an older program made it: only the first migration, with its checksum."""
    site = make_site()
    site.daemon.db_init()
    marker = site.sql("SELECT * FROM environment_marker")[0]
    first = site.sql("SELECT * FROM schema_migrations ORDER BY version LIMIT 1")[0]
    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public")
    site.sql(next((ROOT / "daemon/sql/migrations").glob("0001*")).read_text())
    for table, row in (("schema_migrations", first), ("environment_marker", marker)):
        site.sql(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", *row.values())
    done = site.daemon.cli("db", "migrate")
    assert done.returncode == 0 and done.stdout.count("applied") == COUNT - 1, done
    assert states(site) == ["applied"] * COUNT
    assert site.daemon.ctl_json("db", "migrate") == {"status": "current", "applied": 0}
