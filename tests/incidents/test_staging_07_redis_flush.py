# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The kill switch lives in Redis: a flush and a restart, and orders go out again.

Source: staging-guides#7, a Redis flush and a restart re-arm trading.
Protected by: a halt is kept in memory, in the state file and in Postgres, and each must say running (guard_check_halt); Redis can only
add one."""
from acts import halt, place


def begun_again(site):
    site.daemon.notify.forget()
    site.daemon.start().up().ready()


def test_a_flush_and_a_restart_release_nothing(make_site, redis):
    site = make_site(redis=redis).begin()
    site.daemon.ctl("halt", "looked into")
    assert place(site, "one")[:2] == (403, "halt")
    redis.command("FLUSHALL")
    assert place(site, "flushed")[:2] == (403, "halt")
    site.daemon.stop()
    redis.command("FLUSHALL")
    begun_again(site)
    assert halt(site)["state"] == "halted" and "looked into" in halt(site)["detail"]
    assert place(site, "restarted")[:2] == (403, "halt") and site.daemon.cli("run").returncode != 0
    # Nor does what somebody writes there, nor a state file that is gone.
    for key in redis.command("KEYS", "*").split():
        if "halt" in key and redis.command("TYPE", key) == "string":
            redis.command("SET", key, "running")
    site.daemon.process.kill()
    (site.daemon.state / "halt.state").unlink()
    begun_again(site)
    assert halt(site)["state"] == "halted" and place(site, "no-file")[0] == 403
    assert not site.sim.posts()
