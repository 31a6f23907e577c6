// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Sessions and slots: reading specs, daylight-saving days, half-days, the turn at 20:00, restarts around a slot, and
// what is due when the calendar ends.
#include "lib/trade/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"

#define MIN_NS (60 * NS_PER_S)
#define USUAL 34200, 57600 // 09:30 to 16:00

// Thanksgiving week of 2026 with the early close on Friday the 27th, and the Monday after.
static const struct session_day week[] = {
    {{2026, 11, 24}, USUAL},
    {{2026, 11, 25}, USUAL},
    {{2026, 11, 27}, 34200, 46800},
    {{2026, 11, 30}, USUAL},
};
static const struct calendar calendar = {week, ARRAY_LEN(week)};

struct rows { // slots that have a row
    int64_t at[16];
    size_t count, asked;
};

static bool taken(void *arg, struct day session, int64_t at_ns)
{
    struct rows *rows = arg;
    (void)session;
    rows->asked++;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i] == at_ns)
            return true;
    return false;
}

static int64_t at(const char *text)
{
    int64_t ns = 0;
    assert_true(when_parse(text, &ns));
    return ns;
}

static struct slot_spec spec(const char *text, const char *early_close)
{
    struct slot_spec s = {0};
    struct err err = {0};
    if (slot_spec_parse(text, early_close, &s, &err))
        fail_msg("%s: %s", text, err.text);
    return s;
}

static struct slot_rule rule(const char *text, const char *early_close, int64_t latest_ns)
{
    return (struct slot_rule){.spec = spec(text, early_close), .latest_start_ns = latest_ns};
}

static void assert_key(const struct slot_spec *s, const struct session_day *d, const char *expected)
{
    int64_t ns = 0;
    char key[SLOT_KEY_MAX];
    assert_true(slot_instant(s, d, &ns));
    slot_key(ns, key);
    assert_string_equal(key, expected);
}

// ---- reading -------------------------------------------------------------------------------------------------------

static void specs_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *early;
        enum slot_kind kind;
        int seconds;
    } rows[] = {
        {"15:30", "shift", SLOT_CLOCK, 55800},
        {"15:30:05", "skip", SLOT_CLOCK, 55805},
        {"00:00", "skip", SLOT_CLOCK, 0},
        {"19:59:59", "skip", SLOT_CLOCK, 71999},
        {"close-30m", NULL, SLOT_BEFORE_CLOSE, 1800},
        {"close-1s", NULL, SLOT_BEFORE_CLOSE, 1},
        {"open+5m", NULL, SLOT_AFTER_OPEN, 300},
        {"open+0s", NULL, SLOT_AFTER_OPEN, 0},
        {"every 20s", NULL, SLOT_EVERY, 20},
        {"every 12h", NULL, SLOT_EVERY, 43200},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slot_spec s = spec(rows[i].text, rows[i].early);
        assert_int_equal(s.kind, rows[i].kind);
        assert_int_equal(s.seconds, rows[i].seconds);
        assert_string_equal(s.text, rows[i].text);
    }
    assert_int_equal(spec("15:30", "shift").early_close, EARLY_CLOSE_SHIFT);
    assert_int_equal(spec("15:30", "skip").early_close, EARLY_CLOSE_SKIP);
}

static void odd_specs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *early, *says;
    } rows[] = {
        {"15:30", NULL, "early_close = shift"},
        {"15:30", "", "expected shift or skip"},
        {"15:30", "Shift", "expected shift or skip"},
        {"close-30m", "shift", "leave out early_close"},
        {"open+5m", "skip", "leave out early_close"},
        {"every 20s", "skip", "leave out early_close"},
        {"20:00", "shift", "20:00 New York"},
        {"23:30", "shift", "20:00 New York"},
        {"", "shift", "is not a slot"},
        {"24:00", "shift", "is not a slot"},
        {"15:60", "shift", "is not a slot"},
        {"15:30:60", "shift", "is not a slot"},
        {"5:30", "shift", "is not a slot"},
        {"15:30 ", "shift", "is not a slot"},
        {"15.30", "shift", "is not a slot"},
        {"15:30:5", "shift", "is not a slot"},
        {"3:30pm", "shift", "is not a slot"},
        {"close-30", NULL, "is not a slot"},
        {"close-0m", NULL, "is not a slot"},
        {"close-030m", NULL, "is not a slot"},
        {"close - 30m", NULL, "is not a slot"},
        {"close+30m", NULL, "is not a slot"},
        {"Close-30m", NULL, "is not a slot"},
        {"open-5m", NULL, "is not a slot"},
        {"open+5d", NULL, "is not a slot"},
        {"open+-5m", NULL, "is not a slot"},
        {"open+13h", NULL, "is not a slot"},
        {"open+99999999999s", NULL, "is not a slot"},
        {"every 0s", NULL, "is not a slot"},
        {"every20s", NULL, "is not a slot"},
        {"every  20s", NULL, "is not a slot"},
        {"every 20s every 20s every 20s every 20s", NULL, "longer than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slot_spec s = {.seconds = 77};
        struct err err = {0};
        assert_int_equal(slot_spec_parse(rows[i].text, rows[i].early, &s, &err), -1);
        if (!strstr(err.text, rows[i].says))
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].text, err.text, rows[i].says);
        assert_int_equal(s.seconds, 77);
    }
}

// ---- sessions ------------------------------------------------------------------------------------------------------

static void session_turns_at_20(void **state)
{
    (void)state;
    static const struct {
        const char *now;
        int mday;
    } rows[] = {
        {"2026-11-24T15:00:00-05:00", 24}, {"2026-11-24T19:59:59.999999999-05:00", 24},
        {"2026-11-24T20:00:00-05:00", 25}, {"2026-11-24T23:59:59.999999999-05:00", 25},
        {"2026-11-25T00:00:00-05:00", 25}, {"2026-11-25T20:00:00-05:00", 27},
        {"2026-11-26T12:00:00-05:00", 27}, // Thanksgiving is not listed
        {"2026-11-27T14:00:00-05:00", 27}, // closed since 13:00, but still its session
        {"2026-11-27T20:00:00-05:00", 30}, {"2026-11-29T09:00:00-05:00", 30},
        {"2026-11-30T19:59:59-05:00", 30},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct session_day *s = session_of(&calendar, at(rows[i].now));
        assert_non_null(s);
        assert_int_equal(s->date.mday, rows[i].mday);
    }
    assert_null(session_of(&calendar, at("2026-11-30T20:00:00-05:00")));
    assert_null(session_of(&(struct calendar){NULL, 0}, at("2026-11-24T15:00:00-05:00")));
}

static void sessions_are_found_by_date(void **state)
{
    (void)state;
    assert_ptr_equal(session_find(&calendar, (struct day){2026, 11, 27}), &week[2]);
    assert_null(session_find(&calendar, (struct day){2026, 11, 26}));
    assert_null(session_find(&calendar, (struct day){2026, 12, 1}));
    assert_int_equal(session_open_ns(&week[0]), at("2026-11-24T14:30:00Z"));
    assert_int_equal(session_close_ns(&week[0]), at("2026-11-24T21:00:00Z"));
    assert_int_equal(session_close_ns(&week[2]), at("2026-11-27T18:00:00Z"));
    assert_false(session_is_early_close(&week[0]));
    assert_true(session_is_early_close(&week[2]));
    struct session_day round_the_clock = {{2026, 11, 24}, 0, 86400};
    assert_int_equal(session_open_ns(&round_the_clock), at("2026-11-24T00:00:00-05:00"));
    assert_int_equal(session_close_ns(&round_the_clock), at("2026-11-25T00:00:00-05:00"));
    assert_false(session_is_early_close(&round_the_clock));
}

// ---- instants ------------------------------------------------------------------------------------------------------

static void half_days(void **state)
{
    (void)state;
    struct slot_spec shift = spec("15:30", "shift"), skip = spec("15:30", "skip"), early = spec("09:35", "shift");
    struct slot_spec edge = spec("12:30", "shift"), close = spec("close-30m", NULL), open = spec("open+5m", NULL);
    struct slot_spec late = spec("open+4h", NULL), far = spec("close-4h", NULL);
    int64_t ns = 77;
    assert_key(&shift, &week[1], "2026-11-25T20:30:00Z");
    assert_key(&shift, &week[2], "2026-11-27T17:30:00Z"); // 12:30
    assert_key(&skip, &week[1], "2026-11-25T20:30:00Z");
    assert_false(slot_instant(&skip, &week[2], &ns));
    assert_key(&early, &week[2], "2026-11-27T14:35:00Z"); // would be 06:35: stays
    assert_key(&edge, &week[2], "2026-11-27T14:30:00Z");  // 09:30, the open itself
    assert_key(&close, &week[2], "2026-11-27T17:30:00Z");
    assert_key(&close, &week[1], "2026-11-25T20:30:00Z");
    assert_key(&open, &week[2], "2026-11-27T14:35:00Z");
    assert_key(&late, &week[1], "2026-11-25T18:30:00Z");
    assert_false(slot_instant(&late, &week[2], &ns)); // 13:30, closed by then
    assert_key(&far, &week[1], "2026-11-25T17:00:00Z");
    assert_false(slot_instant(&far, &week[2], &ns)); // 09:00, not open yet
    struct slot_spec every = spec("every 20s", NULL);
    assert_false(slot_instant(&every, &week[1], &ns));
    assert_int_equal(ns, 77);
}

static void daylight_saving_days(void **state)
{
    (void)state;
    // 2026: clocks go forward on March 8th at 02:00 and back on November 1st at 02:00. Both are Sundays; exchanges that
    // trade on them are conceivable, so the arithmetic must hold.
    static const struct session_day spring = {{2026, 3, 8}, USUAL}, autumn = {{2026, 11, 1}, USUAL};
    static const struct session_day friday = {{2026, 3, 6}, USUAL}, monday = {{2026, 3, 9}, USUAL};
    struct slot_spec afternoon = spec("15:30", "skip"), half_two = spec("02:30", "skip");
    struct slot_spec half_one = spec("01:30", "skip");
    assert_key(&afternoon, &friday, "2026-03-06T20:30:00Z");
    assert_key(&afternoon, &spring, "2026-03-08T19:30:00Z");
    assert_key(&afternoon, &monday, "2026-03-09T19:30:00Z");
    assert_key(&half_one, &spring, "2026-03-08T06:30:00Z");
    assert_key(&half_two, &spring, "2026-03-08T07:30:00Z"); // skipped wall time: with the offset before the gap
    assert_key(&half_one, &autumn, "2026-11-01T05:30:00Z"); // doubled wall time: the first
    assert_key(&half_two, &autumn, "2026-11-01T07:30:00Z");
    assert_key(&afternoon, &autumn, "2026-11-01T20:30:00Z");
    static const struct session_day half_spring = {{2026, 3, 8}, 34200, 46800};
    struct slot_spec shift = spec("15:30", "shift"), before = spec("close-30m", NULL);
    assert_key(&shift, &half_spring, "2026-03-08T16:30:00Z");
    assert_key(&before, &half_spring, "2026-03-08T16:30:00Z");
}

// A doubled hour must not give a second run: the one slot is due once, then taken, all through both passes of 01:30.
static void doubled_hour_runs_once(void **state)
{
    (void)state;
    static const struct session_day days[] = {{{2026, 11, 1}, USUAL}, {{2026, 11, 2}, USUAL}};
    const struct calendar c = {days, ARRAY_LEN(days)};
    struct slot_rule r = rule("01:30", "skip", 180 * MIN_NS);
    struct rows rows = {0};
    int64_t first = at("2026-11-01T05:30:00Z");
    struct slot_due d = slot_decide(&r, &c, first, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.at_ns, first);
    rows.at[rows.count++] = d.at_ns;
    for (int64_t now = first; now < first + 3 * 60 * MIN_NS; now += 5 * MIN_NS)
        assert_int_equal(slot_decide(&r, &c, now, 0, taken, &rows).what, SLOT_NONE);
    d = slot_decide(&r, &c, first + 60 * MIN_NS, 0, taken, &rows);
    assert_int_equal(d.next_ns, at("2026-11-02T06:30:00Z"));
}

static void two_specs_for_one_instant_are_one_key(void **state)
{
    (void)state;
    struct slot_spec a = spec("15:30", "shift"), b = spec("15:30:00", "skip"), c = spec("close-30m", NULL);
    struct slot_spec e = spec("open+6h", NULL);
    assert_key(&a, &week[0], "2026-11-24T20:30:00Z");
    assert_key(&b, &week[0], "2026-11-24T20:30:00Z");
    assert_key(&c, &week[0], "2026-11-24T20:30:00Z");
    assert_key(&e, &week[0], "2026-11-24T20:30:00Z");
    assert_key(&a, &week[2], "2026-11-27T17:30:00Z");
    assert_key(&c, &week[2], "2026-11-27T17:30:00Z");
    // A row written for one spec takes the slot of the other.
    struct rows rows = {.at = {at("2026-11-24T20:30:00Z")}, .count = 1};
    struct slot_rule r = rule("close-30m", NULL, 10 * MIN_NS);
    assert_int_equal(slot_decide(&r, &calendar, rows.at[0], 0, taken, &rows).what, SLOT_NONE);
}

// ---- deciding ------------------------------------------------------------------------------------------------------

static void around_the_slot(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 10 * MIN_NS);
    int64_t slot = at("2026-11-24T20:30:00Z"), next = at("2026-11-25T20:30:00Z"), from = at("2026-11-24T05:00:00Z");
    const struct {
        int64_t now;
        int what;
        int64_t next;
    } rows[] = {
        {slot - 6 * 60 * MIN_NS, SLOT_NONE, slot},
        {slot - 1, SLOT_NONE, slot},
        {slot, SLOT_DUE, next},
        {slot + 1, SLOT_DUE, next},
        {slot + 10 * MIN_NS, SLOT_DUE, next},
        {slot + 10 * MIN_NS + 1, SLOT_MISSED, next},
        {slot + 5 * 60 * MIN_NS, SLOT_MISSED, next},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rows none = {0}, has = {.at = {slot}, .count = 1};
        struct slot_due d = slot_decide(&r, &calendar, rows[i].now, from, taken, &none);
        assert_int_equal(d.what, rows[i].what);
        assert_int_equal(d.next_ns, rows[i].next);
        assert_int_equal(d.next_session.mday, rows[i].next == slot ? 24 : 25);
        if (d.what != SLOT_NONE) {
            assert_int_equal(d.at_ns, slot);
            assert_int_equal(d.session.mday, 24);
        }
        // A restart at that moment with the row already there starts nothing and misses nothing.
        d = slot_decide(&r, &calendar, rows[i].now, from, taken, &has);
        assert_int_equal(d.what, SLOT_NONE);
        assert_int_equal(d.next_ns, rows[i].next);
    }
}

static void now_that_straddles_midnight_and_20(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 6 * 60 * MIN_NS); // so long that only the close ends it
    struct rows rows = {0};
    int64_t slot = at("2026-11-24T20:30:00Z"), from = slot - 60 * MIN_NS;
    static const char *const later[] = {
        "2026-11-24T16:00:00-05:00", "2026-11-24T19:59:59-05:00", "2026-11-24T20:00:00-05:00",
        "2026-11-24T23:59:59-05:00", "2026-11-25T00:00:00-05:00", "2026-11-25T00:00:01-05:00",
    };
    assert_int_equal(slot_decide(&r, &calendar, at("2026-11-24T15:59:59-05:00"), from, taken, &rows).what, SLOT_DUE);
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        struct slot_due d = slot_decide(&r, &calendar, at(later[i]), from, taken, &rows);
        assert_int_equal(d.what, SLOT_MISSED); // the market closed at 16:00: not started, and said
        assert_int_equal(d.at_ns, slot);
        assert_int_equal(d.session.mday, 24); // of its own session, whatever the hour
        assert_int_equal(d.next_session.mday, 25);
    }
    // A slot in the small hours is found on its own date, not on the date before midnight.
    struct slot_rule night = rule("00:10", "skip", 30 * MIN_NS);
    struct slot_due d = slot_decide(&night, &calendar, at("2026-11-24T23:59:59-05:00"), INT64_MAX, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, at("2026-11-25T00:10:00-05:00"));
    d = slot_decide(&night, &calendar, at("2026-11-25T00:10:00-05:00"), INT64_MAX, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 25);
}

static void start_never_after_the_close(void **state)
{
    (void)state;
    struct slot_rule r = rule("close-5m", NULL, 30 * MIN_NS);
    struct rows rows = {0};
    int64_t close = at("2026-11-24T21:00:00Z");
    assert_int_equal(slot_decide(&r, &calendar, close - 1, 0, taken, &rows).what, SLOT_DUE);
    rows.count = 0;
    assert_int_equal(slot_decide(&r, &calendar, close, close - 60 * MIN_NS, taken, &rows).what, SLOT_MISSED);
    r.always_open = true;
    assert_int_equal(slot_decide(&r, &calendar, close, close - 60 * MIN_NS, taken, &rows).what, SLOT_DUE);
    // A slot that lies after the close on purpose has only its own latest start.
    struct slot_rule evening = rule("17:00", "skip", 30 * MIN_NS);
    assert_int_equal(slot_decide(&evening, &calendar, at("2026-11-24T17:20:00-05:00"), close, taken, &rows).what,
                     SLOT_DUE);
}

static void missed_only_since_watching(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 10 * MIN_NS);
    struct rows rows = {0};
    int64_t now = at("2026-11-30T15:00:00-05:00");
    // Watching since Wednesday noon: Wednesday and Friday were missed, each told once, oldest first.
    int64_t from = at("2026-11-25T12:00:00-05:00");
    struct slot_due d = slot_decide(&r, &calendar, now, from, taken, &rows);
    assert_int_equal(d.what, SLOT_MISSED);
    assert_int_equal(d.session.mday, 25);
    rows.at[rows.count++] = d.at_ns;
    d = slot_decide(&r, &calendar, now, from, taken, &rows);
    assert_int_equal(d.what, SLOT_MISSED);
    assert_int_equal(d.session.mday, 27);
    assert_int_equal(d.at_ns, at("2026-11-27T12:30:00-05:00"));
    rows.at[rows.count++] = d.at_ns;
    d = slot_decide(&r, &calendar, now, from, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, at("2026-11-30T15:30:00-05:00"));
    // The instant itself counts as watched, one later does not.
    rows.count = 0;
    int64_t friday = at("2026-11-27T12:30:00-05:00");
    assert_int_equal(slot_decide(&r, &calendar, now, friday, taken, &rows).what, SLOT_MISSED);
    assert_int_equal(slot_decide(&r, &calendar, now, friday + 1, taken, &rows).what, SLOT_NONE);
    // A first start shortly after a slot still runs it.
    d = slot_decide(&r, &calendar, friday + MIN_NS, friday + MIN_NS, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
}

static void due_goes_before_missed(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 10 * MIN_NS);
    struct rows rows = {0};
    int64_t now = at("2026-11-25T15:31:00-05:00"), from = at("2026-11-24T09:00:00-05:00");
    struct slot_due d = slot_decide(&r, &calendar, now, from, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 25);
    rows.at[rows.count++] = d.at_ns;
    d = slot_decide(&r, &calendar, now, from, taken, &rows);
    assert_int_equal(d.what, SLOT_MISSED);
    assert_int_equal(d.session.mday, 24);
}

static void oldest_due_goes_first(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 30 * 60 * MIN_NS); // longer than a day, and no close to end it
    struct rows rows = {0};
    r.always_open = true;
    int64_t now = at("2026-11-25T15:31:00-05:00");
    struct slot_due d = slot_decide(&r, &calendar, now, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 24);
    rows.at[rows.count++] = d.at_ns;
    d = slot_decide(&r, &calendar, now, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 25);
}

static void skipped_half_day_is_not_missed(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "skip", 10 * MIN_NS);
    struct rows rows = {0};
    int64_t from = at("2026-11-26T09:00:00-05:00");
    struct slot_due d = slot_decide(&r, &calendar, at("2026-11-27T15:30:00-05:00"), from, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(rows.asked, 0);
    assert_int_equal(d.next_ns, at("2026-11-30T15:30:00-05:00"));
    assert_int_equal(d.next_session.mday, 30);
}

static void calendar_that_ends(void **state)
{
    (void)state;
    struct slot_rule r = rule("15:30", "shift", 10 * MIN_NS), every = rule("every 20s", NULL, 10 * NS_PER_S);
    struct rows rows = {.at = {at("2026-11-30T15:30:00-05:00")}, .count = 1};
    static const char *const now[] = {"2026-11-30T15:45:00-05:00", "2026-12-01T15:30:00-05:00",
                                      "2027-06-01T15:30:00-04:00"};
    for (size_t i = 0; i < ARRAY_LEN(now); i++) {
        struct slot_due d = slot_decide(&r, &calendar, at(now[i]), rows.at[0], taken, &rows);
        assert_int_equal(d.what, SLOT_NONE);
        assert_int_equal(d.next_ns, INT64_MAX);
        assert_int_equal(d.next_session.year, 0);
    }
    struct slot_due d = slot_decide(&every, &calendar, at("2026-12-01T15:30:00-05:00"), 0, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, INT64_MAX);
    every.always_open = true;
    d = slot_decide(&every, &calendar, at("2026-12-01T15:30:00-05:00"), 0, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, INT64_MAX);
    d = slot_decide(&r, &(struct calendar){NULL, 0}, at(now[0]), 0, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, INT64_MAX);
}

static void every_counts_only_the_newest(void **state)
{
    (void)state;
    struct slot_rule r = rule("every 20s", NULL, 10 * NS_PER_S);
    struct rows rows = {0};
    int64_t open = at("2026-11-24T14:30:00Z"), close = at("2026-11-24T21:00:00Z");
    struct slot_due d = slot_decide(&r, &calendar, open - 1, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, open);
    d = slot_decide(&r, &calendar, open + 45 * NS_PER_S, 0, taken, &rows); // 40 s is the newest; 0 and 20 are past
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.at_ns, open + 40 * NS_PER_S);
    assert_int_equal(d.next_ns, open + 60 * NS_PER_S);
    rows.at[rows.count++] = d.at_ns;
    assert_int_equal(slot_decide(&r, &calendar, open + 46 * NS_PER_S, 0, taken, &rows).what, SLOT_NONE);
    d = slot_decide(&r, &calendar, open + 75 * NS_PER_S, 0, taken, &rows); // 15 s late: past, not missed
    assert_int_equal(d.what, SLOT_NONE);
    d = slot_decide(&r, &calendar, close - 1, 0, taken, &rows);
    assert_int_equal(d.next_session.mday, 25);
    assert_int_equal(d.next_ns, at("2026-11-25T14:30:00Z"));
    d = slot_decide(&r, &calendar, close, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_NONE);
    d = slot_decide(&r, &calendar, at("2026-11-27T18:00:05Z"), 0, taken, &rows); // half-day, closed at 13:00
    assert_int_equal(d.what, SLOT_NONE);
    assert_int_equal(d.next_ns, at("2026-11-30T14:30:00Z"));
}

static void every_around_the_clock(void **state)
{
    (void)state;
    struct slot_rule r = rule("every 20s", NULL, 10 * NS_PER_S);
    struct rows rows = {0};
    r.always_open = true;
    int64_t turn = at("2026-11-24T20:00:00-05:00"); // the session changes here
    struct slot_due d = slot_decide(&r, &calendar, turn - 15 * NS_PER_S, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 24);
    assert_int_equal(d.next_ns, turn);
    assert_int_equal(d.next_session.mday, 25);
    d = slot_decide(&r, &calendar, turn + NS_PER_S, 0, taken, &rows);
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.at_ns, turn);
    assert_int_equal(d.session.mday, 25);
    d = slot_decide(&r, &calendar, at("2026-11-29T03:00:00-05:00"), 0, taken, &rows); // a Sunday night
    assert_int_equal(d.what, SLOT_DUE);
    assert_int_equal(d.session.mday, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_are_read),
        cmocka_unit_test(odd_specs_are_refused),
        cmocka_unit_test(session_turns_at_20),
        cmocka_unit_test(sessions_are_found_by_date),
        cmocka_unit_test(half_days),
        cmocka_unit_test(daylight_saving_days),
        cmocka_unit_test(doubled_hour_runs_once),
        cmocka_unit_test(two_specs_for_one_instant_are_one_key),
        cmocka_unit_test(around_the_slot),
        cmocka_unit_test(now_that_straddles_midnight_and_20),
        cmocka_unit_test(start_never_after_the_close),
        cmocka_unit_test(missed_only_since_watching),
        cmocka_unit_test(due_goes_before_missed),
        cmocka_unit_test(oldest_due_goes_first),
        cmocka_unit_test(skipped_half_day_is_not_missed),
        cmocka_unit_test(calendar_that_ends),
        cmocka_unit_test(every_counts_only_the_newest),
        cmocka_unit_test(every_around_the_clock),
    };
    struct err err = {0};
    if (when_zone_init(&err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
