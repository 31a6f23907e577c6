// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The price path: inside a bar it starts at the open, touches low and high once each and ends at the close, with a
// ripple in between that is drawn from the seed. Positions on the path count 1e9 per session.
#include "daemon/sim/market_internal.h"

#define ONE INT64_C(1000000000)
#define CENT INT64_C(10000000)

static int64_t scaled(int64_t value, int64_t nano) // value * nano / 1e9, toward zero
{
    return (int64_t)((__int128)value * nano / ONE);
}

static int64_t to_cent(int64_t nanos)
{
    return (nanos + CENT / 2) / CENT * CENT;
}

// Value noise in [-amplitude, amplitude]: drawn at nodes, straight between them.
static int64_t ripple(uint64_t key, int64_t bar, int64_t t, int64_t spacing, int64_t amplitude)
{
    int64_t node = t / spacing, inside = (t % spacing) * ONE / spacing;
    int64_t a = draw_below(draw3(key, (uint64_t)bar, (uint64_t)spacing, (uint64_t)node), 2 * ONE + 1) - ONE;
    int64_t b = draw_below(draw3(key, (uint64_t)bar, (uint64_t)spacing, (uint64_t)node + 1), 2 * ONE + 1) - ONE;
    return scaled(amplitude, a + scaled(b - a, inside));
}

// Turned back at the bounds: a path that runs into its low or high does not rest there.
static int64_t folded(int64_t price, int64_t low, int64_t high)
{
    if (price < low)
        price = 2 * low - price;
    else if (price > high)
        price = 2 * high - price;
    return price < low ? low : price > high ? high : price;
}

// Price at t (0..1e9) of a bar that runs forwards.
static int64_t bar_price(uint64_t key, int64_t index, const struct market_bar *bar, int64_t t)
{
    int64_t low = bar->low.nanos, high = bar->high.nanos;
    bool rises = bar->close.nanos >= bar->open.nanos;
    bool low_first = draw_below(draw3(key, (uint64_t)index, 1, 0), 10) < (rises ? 8 : 2);
    int64_t first = ONE / 100 * (15 + draw_below(draw3(key, (uint64_t)index, 2, 0), 30));
    int64_t second = ONE / 100 * (55 + draw_below(draw3(key, (uint64_t)index, 3, 0), 30));
    int64_t at[4] = {0, first, second, ONE};
    int64_t level[4] = {bar->open.nanos, low_first ? low : high, low_first ? high : low, bar->close.nanos};
    int leg = t < at[1] ? 0 : t < at[2] ? 1 : 2;
    int64_t u = (t - at[leg]) * ONE / (at[leg + 1] - at[leg]);
    int64_t price = level[leg] + scaled(level[leg + 1] - level[leg], u);
    int64_t window = scaled(4 * u, ONE - u); // the ripple vanishes where the path must touch its level
    int64_t range = high - low;
    int64_t wave = ripple(key, index, t, ONE / 72, range / 3) + ripple(key, index, t, ONE / 2048, range / 40);
    return folded(price + scaled(wave, window), low, high);
}

static int64_t path_price(const struct market *m, const struct market_symbol *s, int64_t pos, int64_t asof)
{
    int64_t n = (int64_t)s->count, whole = pos >= 0 ? pos / ONE : -((-pos + ONE - 1) / ONE);
    int64_t t = pos - whole * ONE;
    bool mirrored;
    struct market_bar bar = market_bar_at(s, n - 1 + whole, asof, &mirrored);
    int64_t k = (((n - 1 + whole) % (2 * n)) + 2 * n) % (2 * n);
    int64_t index = mirrored ? 2 * n - 1 - k : k;
    return bar_price(m->params.seed ^ s->key, index, &bar, mirrored ? ONE - t : t);
}

// Where the path stands: sessions since that of the newest bar, plus the share of the running one. Closed: just before
// the next session begins, which is the last one's close.
static int64_t path_position(struct market *m, int64_t now)
{
    struct market_session s;
    market_session_at(m, now, &s);
    int64_t pos = (market_session_index(m, s.date) - m->anchor) * ONE;
    bool open = now >= s.open_ns;
    if (open)
        pos += (int64_t)((__int128)(now - s.open_ns) * ONE / (s.close_ns - s.open_ns));
    if (!m->started)
        m->start_pos = pos;
    m->started = true;
    if (pos > m->start_pos) // what lies before the start passed at its own speed, as the bars say
        pos = m->start_pos + (pos - m->start_pos) * m->params.speed;
    return open ? pos : pos - 1;
}

static struct market_quote quote_around(int64_t mid)
{
    mid = to_cent(mid);
    int64_t spread = to_cent(mid / 10000);
    if (spread < CENT)
        spread = CENT;
    int64_t bid = (mid - spread / 2) / CENT * CENT;
    if (bid < CENT)
        bid = CENT;
    return (struct market_quote){{bid}, {bid + spread}, {mid}};
}

static const struct market_fix *fix_at(const struct market_symbol *s, int64_t at)
{
    size_t i = s->fix_count;
    while (i > 0 && s->fixes[i - 1].at > at)
        i--;
    return i > 0 && s->fixes[i - 1].quote.last.nanos > 0 ? &s->fixes[i - 1] : NULL;
}

void market_quote(struct market *m, const struct market_symbol *s, int64_t now, struct market_quote *out)
{
    const struct market_fix *fix = fix_at(s, now);
    int64_t asof = s->action_count > 0 ? day_number(day_of(now)) : 0;
    *out = fix != NULL ? fix->quote : quote_around(path_price(m, s, path_position(m, now), asof));
}

void market_fix_price_at(struct market *m, const struct market_symbol *s, struct market_quote fixed, int64_t at)
{
    struct market_symbol *own = m->symbols[s->index];
    if (own->fix_count == own->fix_cap) {
        own->fix_cap = own->fix_cap == 0 ? 4 : own->fix_cap * 2;
        own->fixes = check_realloc(own->fixes, own->fix_cap * sizeof *own->fixes);
    }
    own->fixes[own->fix_count++] = (struct market_fix){at, fixed};
}

void market_fix_price(struct market *m, const struct market_symbol *s, struct market_quote fixed)
{
    m->symbols[s->index]->fix_count = 0;
    market_fix_price_at(m, s, fixed, INT64_MIN);
}

struct price market_last_close(struct market *m, const struct market_symbol *s, int64_t now)
{
    struct market_session session;
    market_session_at(m, now, &session);
    int64_t k = market_session_index(m, session.date) - m->anchor + (int64_t)s->count - 2;
    bool mirrored;
    struct market_bar bar = market_bar_at(s, k < 0 ? 0 : k, day_number(day_of(now)), &mirrored);
    return mirrored ? bar.open : bar.close;
}
