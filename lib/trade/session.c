// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Sessions and slots: pure arithmetic on New York wall times. Nothing here guesses beyond the calendar it was given.
#include "lib/trade/session.h"

#include <string.h>

#include "lib/base/text.h"

#define SESSION_TURN_S (20 * 3600)
#define USUAL_CLOSE_S (16 * 3600)
#define DAY_S 86400
#define OFFSET_MAX_S (12 * 3600)

// ---- reading a slot ------------------------------------------------------------------------------------------------

static bool two_digits(const char *s, int max, int *out)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return false;
    *out = (s[0] - '0') * 10 + (s[1] - '0');
    return *out <= max;
}

// "HH:MM" or "HH:MM:SS".
static bool clock_time(const char *s, int *seconds)
{
    int h = 0, m = 0, sec = 0;
    size_t len = strlen(s);
    if ((len != 5 && len != 8) || !two_digits(s, 23, &h) || s[2] != ':' || !two_digits(s + 3, 59, &m))
        return false;
    if (len == 8 && (s[5] != ':' || !two_digits(s + 6, 59, &sec)))
        return false;
    *seconds = h * 3600 + m * 60 + sec;
    return true;
}

// "30m", "20s", "2h".
static bool duration(const char *s, int *seconds)
{
    size_t digits = strspn(s, "0123456789");
    char number[8];
    int64_t n = 0;
    if (digits == 0 || digits >= sizeof(number) || (digits > 1 && s[0] == '0') || strlen(s) != digits + 1)
        return false;
    memcpy(number, s, digits);
    number[digits] = '\0';
    int64_t unit = s[digits] == 's' ? 1 : s[digits] == 'm' ? 60 : s[digits] == 'h' ? 3600 : 0;
    if (!unit || !str_int64(number, 0, OFFSET_MAX_S, &n) || n * unit > OFFSET_MAX_S)
        return false;
    *seconds = (int)(n * unit);
    return true;
}

static int early_close_parse(const char *text, const char *rule, struct slot_spec *s, struct err *err)
{
    if (s->kind != SLOT_CLOCK) {
        if (rule)
            return err_set(err, "slot \"%s\" follows the exchange's hours by itself: leave out early_close", text);
        return 0;
    }
    if (str_equal(rule, "shift"))
        s->early_close = EARLY_CLOSE_SHIFT;
    else if (str_equal(rule, "skip"))
        s->early_close = EARLY_CLOSE_SKIP;
    else if (!rule)
        return err_set(err,
                       "slot \"%s\" does not say what to do when the exchange closes early: add early_close = shift "
                       "(keep the distance to the close) or early_close = skip (no run that day)",
                       text);
    else
        return err_set(err, "early_close is \"%.32s\", expected shift or skip", rule);
    return 0;
}

int slot_spec_parse(const char *text, const char *early_close, struct slot_spec *out, struct err *err)
{
    struct slot_spec s = {0};
    if (!str_copy(s.text, sizeof(s.text), text))
        return err_set(err, "slot \"%.40s\" is longer than %d characters", text, SLOT_SPEC_MAX - 1);
    if (clock_time(text, &s.seconds))
        s.kind = SLOT_CLOCK;
    else if (str_starts(text, "close-") && duration(text + 6, &s.seconds) && s.seconds)
        s.kind = SLOT_BEFORE_CLOSE;
    else if (str_starts(text, "open+") && duration(text + 5, &s.seconds))
        s.kind = SLOT_AFTER_OPEN;
    else if (str_starts(text, "every ") && duration(text + 6, &s.seconds) && s.seconds)
        s.kind = SLOT_EVERY;
    else
        return err_set(err,
                       "slot \"%s\" is not a slot: write a New York time (15:30 or 15:30:05), close-30m, open+5m or "
                       "every 20s (units s, m, h; up to 12h)",
                       text);
    if (s.kind == SLOT_CLOCK && s.seconds >= SESSION_TURN_S)
        return err_set(err, "slot \"%s\" lies after 20:00 New York, where the next session begins: use an earlier time",
                       text);
    if (early_close_parse(text, early_close, &s, err))
        return -1;
    *out = s;
    return 0;
}

// ---- sessions ------------------------------------------------------------------------------------------------------

static int64_t instant(struct day d, int seconds)
{
    return seconds < DAY_S ? day_at(d, seconds) : day_at(day_add(d, 1), seconds - DAY_S);
}

// Index of the first listed day that is not before `date`; count when there is none.
static size_t first_from(const struct calendar *c, struct day date)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (day_compare(c->days[mid].date, date) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t session_index(const struct calendar *c, int64_t now_ns)
{
    size_t i = first_from(c, day_of(now_ns));
    if (i < c->count && instant(c->days[i].date, SESSION_TURN_S) <= now_ns)
        i++;
    return i;
}

const struct session_day *session_of(const struct calendar *c, int64_t now_ns)
{
    size_t i = session_index(c, now_ns);
    return i < c->count ? &c->days[i] : NULL;
}

const struct session_day *session_find(const struct calendar *c, struct day date)
{
    size_t i = first_from(c, date);
    return i < c->count && day_compare(c->days[i].date, date) == 0 ? &c->days[i] : NULL;
}

int64_t session_open_ns(const struct session_day *s)
{
    return instant(s->date, s->open_s);
}

int64_t session_close_ns(const struct session_day *s)
{
    return instant(s->date, s->close_s);
}

bool session_is_early_close(const struct session_day *s)
{
    return s->close_s < USUAL_CLOSE_S;
}

// ---- slots ---------------------------------------------------------------------------------------------------------

static bool clock_seconds(const struct slot_spec *slot, const struct session_day *s, int *seconds)
{
    *seconds = slot->seconds;
    if (!session_is_early_close(s))
        return true;
    if (slot->early_close == EARLY_CLOSE_SKIP)
        return false;
    int moved = s->close_s - (USUAL_CLOSE_S - slot->seconds);
    if (moved >= s->open_s)
        *seconds = moved;
    return true;
}

bool slot_instant(const struct slot_spec *slot, const struct session_day *s, int64_t *at_ns)
{
    int seconds = 0;
    switch (slot->kind) {
    case SLOT_CLOCK:
        if (!clock_seconds(slot, s, &seconds))
            return false;
        break;
    case SLOT_BEFORE_CLOSE:
        seconds = s->close_s - slot->seconds;
        if (seconds < s->open_s)
            return false;
        break;
    case SLOT_AFTER_OPEN:
        seconds = s->open_s + slot->seconds;
        if (seconds >= s->close_s)
            return false;
        break;
    case SLOT_EVERY:
        return false;
    }
    *at_ns = instant(s->date, seconds);
    return true;
}

void slot_key(int64_t at_ns, char out[SLOT_KEY_MAX])
{
    char text[WHEN_TEXT_MAX];
    str_copy_cut(out, SLOT_KEY_MAX, when_format(at_ns, text));
}

// ---- what is due ---------------------------------------------------------------------------------------------------

static int64_t add_capped(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

// Last instant at which a run for this slot may still start.
static int64_t last_start(const struct slot_rule *rule, const struct session_day *s, int64_t at)
{
    int64_t last = add_capped(at, rule->latest_start_ns), close = session_close_ns(s);
    // A run that starts after the close would leave its orders to the next opening.
    if (!rule->always_open && at < close && last >= close)
        last = close - 1;
    return last;
}

static int64_t floor_period(int64_t ns, int64_t period)
{
    int64_t rest = ns % period;
    return ns - (rest < 0 ? rest + period : rest);
}

static void set_next(struct slot_due *d, int64_t at, const struct session_day *s)
{
    d->next_ns = at;
    d->next_session = s->date;
}

static void every_next(const struct slot_rule *rule, const struct calendar *c, int64_t now, struct slot_due *d)
{
    int64_t period = (int64_t)rule->spec.seconds * NS_PER_S, next = floor_period(now, period) + period;
    if (rule->always_open) {
        const struct session_day *s = session_of(c, next);
        if (s)
            set_next(d, next, s);
        return;
    }
    for (size_t i = session_index(c, now); i < c->count; i++) {
        const struct session_day *s = &c->days[i];
        int64_t open = session_open_ns(s), at = next;
        if (at < open)
            at = floor_period(open - 1, period) + period;
        if (at < session_close_ns(s)) {
            set_next(d, at, s);
            return;
        }
    }
}

static struct slot_due decide_every(const struct slot_rule *rule, const struct calendar *c, int64_t now,
                                    bool (*taken)(void *arg, struct day session, int64_t at_ns), void *arg)
{
    struct slot_due d = {.what = SLOT_NONE, .next_ns = INT64_MAX};
    int64_t at = floor_period(now, (int64_t)rule->spec.seconds * NS_PER_S);
    const struct session_day *s = session_of(c, rule->always_open ? at : now);
    every_next(rule, c, now, &d);
    if (!s)
        return d;
    bool open = rule->always_open || (at >= session_open_ns(s) && now < session_close_ns(s));
    if (open && now - at <= rule->latest_start_ns && !taken(arg, s->date, at)) {
        d.what = SLOT_DUE;
        d.at_ns = at;
        d.session = s->date;
    }
    return d;
}

static void decide_one(const struct slot_rule *rule, const struct session_day *s, int64_t now, int64_t watch_from,
                       bool (*taken)(void *arg, struct day session, int64_t at_ns), void *arg, struct slot_due *d)
{
    int64_t at = 0;
    if (d->what == SLOT_DUE || !slot_instant(&rule->spec, s, &at) || at > now)
        return;
    bool due = now <= last_start(rule, s, at);
    if ((!due && (at < watch_from || d->what == SLOT_MISSED)) || taken(arg, s->date, at))
        return;
    d->what = due ? SLOT_DUE : SLOT_MISSED;
    d->at_ns = at;
    d->session = s->date;
}

struct slot_due slot_decide(const struct slot_rule *rule, const struct calendar *c, int64_t now_ns,
                            int64_t watch_from_ns, bool (*taken)(void *arg, struct day session, int64_t at_ns),
                            void *arg)
{
    struct slot_due d = {.what = SLOT_NONE, .next_ns = INT64_MAX};
    if (rule->spec.kind == SLOT_EVERY)
        return decide_every(rule, c, now_ns, taken, arg);
    // Only sessions whose slot may matter: from when this ledger began to watch, or what may still be started.
    int64_t from = now_ns > rule->latest_start_ns ? now_ns - rule->latest_start_ns : 0;
    if (watch_from_ns < from)
        from = watch_from_ns < 0 ? 0 : watch_from_ns;
    size_t i = first_from(c, day_of(from));
    for (; i < c->count; i++) {
        const struct session_day *s = &c->days[i];
        int64_t at = 0;
        if (slot_instant(&rule->spec, s, &at) && at > now_ns) {
            set_next(&d, at, s);
            break;
        }
        decide_one(rule, s, now_ns, watch_from_ns, taken, arg, &d);
    }
    return d;
}
