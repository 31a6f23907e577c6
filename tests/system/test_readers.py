# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What other readers find in Redis: keys that expire under environment and account, and events on a channel."""
import json
import subprocess

from harness import until


class Listener:
    def __init__(self, redis, channel):
        self.process = subprocess.Popen(["redis-cli", "-s", redis.url.removeprefix("unix://"), "SUBSCRIBE", channel],
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        assert [self.process.stdout.readline().strip() for _ in range(3)] == ["subscribe", channel, "1"]

    def take(self, last):
        """The events up to the first one that fits."""
        found = []
        while not found or not last(found[-1]):
            assert self.process.stdout.readline().strip() == "message"
            self.process.stdout.readline()
            found.append(json.loads(self.process.stdout.readline()))
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_keys_and_events(make_site, redis):
    redis.command("FLUSHALL")
    site = make_site(redis=redis).begin()
    account = site.sim.get("/v2/account")["account_number"]
    prefix = f"paperguard:staging:{account}:"
    listener = Listener(redis, prefix + "events")
    try:
        row = site.run_whole()
        events = listener.take(lambda e: e["event"] == "run_ended" and e["settled"])
        assert events[0]["event"] == "run_started" and events[0]["run_id"] == row["run_id"]
        fills = {r["activity_id"] for r in site.sql("SELECT activity_id FROM fills")}
        assert {e["activity_id"] for e in events if e["event"] == "fill"} == fills and len(fills) == 4
        placed = {r["client_order_id"] for r in site.sql("SELECT client_order_id FROM orders")}
        assert {e["client_order_id"] for e in events if e["event"] == "order" and e["status"] == "filled"} == placed
        assert all("at" in e for e in events)
        site.daemon.ctl("halt", "a drill")
        assert listener.take(lambda e: e["event"] == "halt" and e["state"] == "halted")[-1]["detail"]
    finally:
        listener.close()
    names = {"account", "calendar", "runs", "signals", *(f"price:{s}" for s in ("SPY", "QQQ"))}
    until(lambda: {prefix + n for n in names} <= set(redis.command("KEYS", "*").split()), 10, "the keys")
    values = {n: json.loads(redis.command("GET", prefix + n)) for n in names}
    until(lambda: json.loads(redis.command("GET", prefix + "runs"))["runs"][0]["settled"], 10, "the settled run")
    assert all(0 < int(redis.command("TTL", prefix + n)) <= 604800 for n in names)
    assert all(k.startswith(prefix) for k in redis.command("KEYS", "*").split())
    assert values["account"]["account_number"] == account
    assert values["runs"]["runs"][0]["run_id"] == row["run_id"] and {s["run_id"] for s in values["signals"]["signals"]} == {
        row["run_id"]}
    # Lost, all is written again when there is something to say; nothing but Redis was asked for it.
    redis.command("FLUSHALL")
    redis.halt()
    redis.start()
    until(lambda: {prefix + n for n in ("runs", "signals", "calendar", "price:SPY")} <= set(
        redis.command("KEYS", "*").split()), 30, "the keys after a loss")
