// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bars: history by day, week and month from the daily bars, by minute and hour from the price path.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define LOOKS 12
#define HOUR_S 3600
#define DAY_LOOKS 96

struct bars_query {
    struct sim_span span;
    char unit; // 'm'inute, 'h'our, 'd'ay, 'w'eek, 'M'onth
    int64_t count;
    unsigned adjust;
};

void sim_bar_write(struct json_out *o, int64_t at, const struct market_bar *b)
{
    int64_t sum = b->open.nanos / 4 + b->high.nanos / 4 + b->low.nanos / 4 + b->close.nanos / 4;
    json_object_begin(o);
    json_put_when(o, "t", at);
    json_put_decimal_number(o, "o", b->open.nanos);
    json_put_decimal_number(o, "h", b->high.nanos);
    json_put_decimal_number(o, "l", b->low.nanos);
    json_put_decimal_number(o, "c", b->close.nanos);
    json_put_int(o, "v", b->volume);
    json_put_int(o, "n", 1 + b->volume / 200);
    json_put_decimal_number(o, "vw", sum / 1000 * 1000);
    json_object_end(o);
}

// Shares that change hands in a stretch of a session, after the volume of the last whole day.
static int64_t volume_of(struct sim_call *c, const struct market_symbol *s, int64_t from, int64_t to)
{
    struct market_session session;
    size_t days = market_history_count(c->sim->market, s, from);
    if (days == 0 || !market_day_session(c->sim->market, day_of(from), &session))
        return 0;
    int64_t day = market_history_at(c->sim->market, s, days - 1, true, from).volume;
    int64_t share = (int64_t)((__int128)day * (to - from) / (session.close_ns - session.open_ns));
    uint64_t draw = draw3(draw_text(market_symbol_name(s)), (uint64_t)(from / NS_PER_S), 9, 0);
    return 1 + share / 2 + draw_below(draw, share + 1);
}

struct market_bar sim_bar_of_path(struct sim_call *c, const struct market_symbol *s, int64_t from, int64_t to,
                                  int looks)
{
    struct market_bar b = {.date = day_of(from)};
    for (int i = 0; i <= looks; i++) {
        struct market_quote q;
        int64_t at = from + (int64_t)((__int128)(to - from) * i / looks) - (i == looks);
        market_quote(c->sim->market, s, at > from ? at : from, &q);
        b.open = i == 0 ? q.last : b.open;
        b.high = i == 0 || q.last.nanos > b.high.nanos ? q.last : b.high;
        b.low = i == 0 || q.last.nanos < b.low.nanos ? q.last : b.low;
        b.close = q.last;
    }
    b.volume = volume_of(c, s, from, to);
    return b;
}

// Today's bar so far and the one before; false when there is none.
bool sim_bar_of_day(struct sim_call *c, const struct market_symbol *s, int before, int64_t *at, struct market_bar *bar)
{
    struct market *m = c->sim->market;
    struct market_session session;
    size_t days = market_history_count(m, s, c->now);
    bool today = market_day_session(m, day_of(c->now), &session) && c->now >= session.open_ns;
    if (today && before == 0) {
        int64_t to = c->now < session.close_ns ? c->now + 1 : session.close_ns;
        *at = day_at(session.date, 0);
        *bar = sim_bar_of_path(c, s, session.open_ns, to, DAY_LOOKS);
        return true;
    }
    size_t back = (size_t)before + (today ? 0 : 1);
    if (back > days)
        return false;
    *bar = market_history_at(m, s, days - back, true, c->now);
    *at = day_at(bar->date, 0);
    return true;
}

// Days, weeks, months.

static struct day group_of(const struct bars_query *q, struct day d)
{
    int64_t weekday = (day_number(d) + 3) % 7; // 0 = Monday
    if (q->unit == 'w')
        return day_add(d, -(int)weekday);
    if (q->unit == 'M')
        return (struct day){d.year, (signed char)(1 + (d.month - 1) / (int)q->count * (int)q->count), 1};
    return d;
}

static void group_add(struct market_bar *group, const struct market_bar *bar)
{
    if (bar->high.nanos > group->high.nanos)
        group->high = bar->high;
    if (bar->low.nanos < group->low.nanos)
        group->low = bar->low;
    group->close = bar->close;
    group->volume += bar->volume;
}

static void open_days(struct sim_series *s)
{
    const struct bars_query *q = s->arg;
    struct sim_call *c = s->call;
    size_t count = market_history_count(c->sim->market, s->symbol, c->now);
    struct market_bar *list = check_alloc(count + 1, sizeof *list);
    s->list = list;
    for (size_t i = 0; i < count; i++) {
        struct market_bar bar = market_history_at(c->sim->market, s->symbol, i, q->adjust, c->now);
        bar.date = group_of(q, bar.date);
        if (s->count > 0 && day_compare(list[s->count - 1].date, bar.date) == 0)
            group_add(&list[s->count - 1], &bar);
        else
            list[s->count++] = bar;
    }
}

static const struct market_bar *day_bar(const struct sim_series *s, size_t i)
{
    const struct market_bar *list = s->list;
    return &list[s->descending ? s->count - 1 - i : i];
}

static bool next_day(struct sim_series *s, int64_t *at)
{
    if (s->i == s->count)
        return false;
    *at = day_at(day_bar(s, s->i++)->date, 0);
    return true;
}

static void write_day(struct sim_series *s, int64_t at)
{
    sim_bar_write(&s->call->out, at, day_bar(s, s->i - 1));
}

// Minutes, hours.

static bool next_minute(struct sim_series *s, int64_t *at)
{
    if (!sim_grid_next(s))
        return false;
    *at = s->grid.at;
    return true;
}

static void write_minute(struct sim_series *s, int64_t at)
{
    struct market_bar b = sim_bar_of_path(s->call, s->symbol, s->grid.from, s->grid.to, LOOKS);
    sim_bar_write(&s->call->out, at, &b);
}

static void bars_open(struct sim_series *s)
{
    const struct bars_query *q = s->arg;
    bool path = q->unit == 'm' || q->unit == 'h';
    s->next = path ? next_minute : next_day;
    s->write = path ? write_minute : write_day;
    if (path)
        sim_grid_open(s, (int)q->count * (q->unit == 'm' ? 60 : HOUR_S));
    else
        open_days(s);
}

static bool read_timeframe(struct sim_call *c, struct bars_query *q)
{
    static const struct {
        const char *name;
        char unit;
        int64_t max;
    } units[] = {{"Min", 'm', 59}, {"T", 'm', 59},   {"Hour", 'h', 23}, {"H", 'h', 23},     {"Day", 'd', 1},
                 {"D", 'd', 1},    {"Week", 'w', 1}, {"W", 'w', 1},     {"Month", 'M', 12}, {"M", 'M', 12}};
    char text[SIM_TEXT_MAX], digits[4];
    if (!sim_param(c, "timeframe", text))
        return sim_data_refuse(c, "timeframe", "is required");
    size_t len = strspn(text, "0123456789");
    if (len > 0 && len < sizeof digits) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (strcmp(units[i].name, text + len) == 0 && str_int64(digits, 1, units[i].max, &q->count) &&
                (units[i].unit != 'M' || 12 % q->count == 0)) {
                q->unit = units[i].unit;
                return true;
            }
    }
    return sim_data_refuse(c, "timeframe", text);
}

// raw, split, dividend, spin-off, all, or several with commas. There are no spin-offs here.
static bool read_adjustment(struct sim_call *c, struct bars_query *q)
{
    char text[SIM_TEXT_MAX], word[16];
    if (!sim_param(c, "adjustment", text))
        return true;
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= sizeof word)
            return sim_data_refuse(c, "adjustment", text);
        memcpy(word, at, len);
        word[len] = '\0';
        if (!sim_csv_has("raw,split,dividend,spin-off,all", word))
            return sim_data_refuse(c, "adjustment", text);
    }
    bool all = sim_csv_has(text, "all");
    q->adjust = (all || sim_csv_has(text, "split") ? MARKET_ADJUST_SPLIT : 0) |
                (all || sim_csv_has(text, "dividend") ? MARKET_ADJUST_DIVIDEND : 0);
    return true;
}

void sim_data_bars(struct sim_call *c)
{
    struct bars_query q = {0};
    if (sim_span_read(c, &q.span) && read_timeframe(c, &q) && read_adjustment(c, &q))
        sim_span_write(c, &q.span, "bars", bars_open, &q);
}
