// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Sessions of the simulated market: every date from midnight to midnight around the clock, or the exchange's own
// weekdays with its closed days and early closes.
#include <stdlib.h>

#include "daemon/sim/market_internal.h"

#define FIRST_YEAR 1990
#define LAST_YEAR 2029
#define OPEN_S (9 * 3600 + 30 * 60)
#define CLOSE_S (16 * 3600)
#define DAY_S 86400
#define PRE_S (4 * 3600) // the extended session
#define POST_S (20 * 3600)
#define POST_EARLY_S (17 * 3600)

struct day market_day_of_number(int64_t number)
{
    return day_add((struct day){1970, 1, 1}, (int)number);
}

static int special_compare(const void *a, const void *b)
{
    const struct special_day *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static const struct special_day *special_find(const struct market *m, int64_t number)
{
    if (m->special_count == 0)
        return NULL;
    struct special_day key = {.number = (int32_t)number};
    return bsearch(&key, m->specials, m->special_count, sizeof key, special_compare);
}

int market_add_special_day(struct market *m, struct day date, bool closed, int close_s, struct err *err)
{
    if (!closed && (close_s <= OPEN_S || close_s > DAY_S))
        return err_set(err, "special day: the close must lie between 09:30 and 24:00");
    if (m->special_count == m->special_cap) {
        m->special_cap = m->special_cap == 0 ? 256 : m->special_cap * 2;
        m->specials = check_realloc(m->specials, m->special_cap * sizeof *m->specials);
    }
    m->specials[m->special_count++] = (struct special_day){(int32_t)day_number(date), closed, close_s};
    return 0;
}

int market_build_calendar(struct market *m, struct err *err)
{
    if (m->special_count > 0)
        qsort(m->specials, m->special_count, sizeof *m->specials, special_compare);
    if (!m->params.exchange_hours)
        return 0;
    int64_t first = day_number((struct day){FIRST_YEAR, 1, 1}), last = day_number((struct day){LAST_YEAR, 12, 31});
    m->sessions = check_alloc((size_t)(last - first + 1), sizeof *m->sessions);
    for (int64_t n = first; n <= last; n++) {
        int64_t weekday = (n + 4) % 7; // 1970-01-01 was a Thursday
        const struct special_day *special = special_find(m, n);
        if (weekday != 0 && weekday != 6 && (special == NULL || !special->closed))
            m->sessions[m->session_count++] = (int32_t)n;
    }
    return m->session_count > 0 ? 0 : err_set(err, "calendar: no session is left");
}

int64_t market_session_index(const struct market *m, struct day date)
{
    int64_t number = day_number(date);
    if (!m->params.exchange_hours)
        return number;
    size_t low = 0, high = m->session_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (m->sessions[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return (int64_t)low;
}

struct day market_session_date(const struct market *m, int64_t index)
{
    if (!m->params.exchange_hours)
        return market_day_of_number(index);
    if (index < 0)
        return market_day_of_number(m->sessions[0] + index); // before the calendar: only its order matters
    size_t last = m->session_count - 1;
    return market_day_of_number(m->sessions[(size_t)index < last ? (size_t)index : last]);
}

bool market_exchange_hours(const struct market *m)
{
    return m->params.exchange_hours;
}

bool market_day_session(const struct market *m, struct day date, struct market_session *out)
{
    int open_s = 0, close_s = DAY_S;
    if (m->params.exchange_hours) {
        int64_t number = day_number(date), i = market_session_index(m, date);
        if (i >= (int64_t)m->session_count || m->sessions[i] != number)
            return false;
        const struct special_day *special = special_find(m, number);
        open_s = OPEN_S;
        close_s = special != NULL ? special->close_s : CLOSE_S;
    }
    *out = (struct market_session){date, open_s, close_s, day_at(date, open_s), 0};
    out->close_ns = close_s == DAY_S ? day_at(day_add(date, 1), 0) : day_at(date, close_s);
    return true;
}

void market_session_after(const struct market *m, const struct market_session *s, struct market_session *out)
{
    struct day next = market_session_date(m, market_session_index(m, s->date) + 1);
    CHECK(market_day_session(m, next, out));
}

void market_session_at(struct market *m, int64_t now, struct market_session *out)
{
    if (now >= m->cached_from && now < m->cached.close_ns) {
        *out = m->cached;
        return;
    }
    struct day date = market_session_date(m, market_session_index(m, day_of(now)));
    CHECK(market_day_session(m, date, &m->cached));
    if (m->cached.close_ns <= now)
        market_session_after(m, &m->cached, &m->cached);
    m->cached_from = now;
    *out = m->cached;
}

bool market_is_open(struct market *m, int64_t now)
{
    struct market_session s;
    market_session_at(m, now, &s);
    return now >= s.open_ns;
}

// Phases.

#define PHASE_WORD(symbol, word) word,
static const char *const phase_words[] = {MARKET_PHASES(PHASE_WORD)};

const char *market_phase_name(enum market_phase phase)
{
    return phase_words[phase];
}

void market_extended(const struct market *m, const struct market_session *s, int *open_s, int *close_s)
{
    *open_s = m->params.exchange_hours ? PRE_S : s->open_s;
    *close_s = !m->params.exchange_hours ? s->close_s : s->close_s < CLOSE_S ? POST_EARLY_S : POST_S;
}

enum market_phase market_phase_at(struct market *m, int64_t now, int64_t *until)
{
    struct market_session s;
    int64_t ends = now;
    enum market_phase phase = MARKET_CLOSED;
    int open_s, close_s;
    if (market_day_session(m, day_of(now), &s)) { // after its close still today's
        market_extended(m, &s, &open_s, &close_s);
        int64_t opens = day_at(s.date, open_s), closes = close_s == DAY_S ? s.close_ns : day_at(s.date, close_s);
        phase = now < opens        ? MARKET_CLOSED
                : now < s.open_ns  ? MARKET_PRE
                : now < s.close_ns ? MARKET_CORE
                : now < closes     ? MARKET_POST
                                   : MARKET_CLOSED;
        ends = phase == MARKET_PRE ? s.open_ns : phase == MARKET_CORE ? s.close_ns : closes;
        if (now < opens)
            ends = opens;
    }
    if (phase == MARKET_CLOSED && (!market_day_session(m, day_of(now), &s) || now >= s.close_ns)) {
        market_session_at(m, now, &s);
        market_extended(m, &s, &open_s, &close_s);
        ends = day_at(s.date, open_s);
    }
    if (until != NULL)
        *until = ends;
    return phase;
}
