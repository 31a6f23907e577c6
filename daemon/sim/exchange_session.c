// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// When an order may trade and until when it stands: the regular session, the extended one (20:00 of the evening before
// to 20:00, to 17:00 on an early close), the auctions at open and close, and 90 days for good-till-cancelled.
#include "daemon/sim/exchange_internal.h"

#define HOUR_S 3600
#define EVENING_S (20 * HOUR_S)
#define EARLY_EVENING_S (17 * HOUR_S)
#define CLOSE_S (16 * HOUR_S)
#define AUCTION_OPENS_S (19 * HOUR_S)
#define OPG_LEAD_NS (120 * NS_PER_S) // no opg order in the last two minutes before the open
#define CLS_LEAD_S 600               // no cls order in the last ten minutes before the close
#define AUCTION_END_NS (120 * NS_PER_S)
#define GTC_DAYS 90
#define GTC_END_S (16 * HOUR_S + 15 * 60)
#define ACK_NS (4 * NS_PER_MS)

// The extended session in progress at `at`, or else the next one.
static void extended_session(struct exchange *e, int64_t at, int64_t *start, int64_t *end)
{
    struct market_session s;
    struct day d = day_of(at);
    for (;; d = day_add(d, 1)) {
        if (!market_day_session(e->params.market, d, &s))
            continue;
        *start = day_at(day_add(d, -1), EVENING_S);
        *end = day_at(d, s.close_s < CLOSE_S ? EARLY_EVENING_S : EVENING_S);
        if (at < *end)
            return;
    }
}

static int64_t trades_from(struct exchange *e, bool extended, int64_t at)
{
    struct market_session s;
    market_session_at(e->params.market, at, &s);
    if (at >= s.open_ns)
        return at;
    if (!extended)
        return s.open_ns;
    int64_t start, end;
    extended_session(e, at, &start, &end);
    return at < start ? start : at;
}

int64_t exchange_match_from(struct exchange *e, const struct exchange_order *o, int64_t at)
{
    return at < o->match_at ? o->match_at : trades_from(e, o->extended_hours, at);
}

static void set_auction(struct exchange *e, struct exchange_order *o, int64_t now)
{
    struct market_session s;
    market_session_at(e->params.market, now, &s);
    if (o->tif == TIF_OPG && now >= s.open_ns) // around the clock only: the next opening
        market_session_after(e->params.market, &s, &s);
    o->match_at = o->tif == TIF_OPG ? s.open_ns : s.close_ns - NS_PER_MS;
    o->expires_at = (o->tif == TIF_OPG ? s.open_ns : s.close_ns) + AUCTION_END_NS;
}

int64_t exchange_order_times(struct exchange *e, struct exchange_order *o, int64_t now)
{
    struct market_session s;
    market_session_at(e->params.market, now, &s);
    int64_t start;
    if (o->tif == TIF_OPG || o->tif == TIF_CLS)
        set_auction(e, o, now);
    else if (o->tif == TIF_GTC)
        o->expires_at = day_at(day_add(day_of(now), GTC_DAYS), GTC_END_S);
    else if (o->extended_hours && market_exchange_hours(e->params.market))
        extended_session(e, now, &start, &o->expires_at);
    else
        o->expires_at = s.close_ns;
    int64_t from = trades_from(e, o->extended_hours, now);
    int64_t ack = e->params.fill_delay_ns < ACK_NS ? e->params.fill_delay_ns : ACK_NS;
    return from > now ? from : now + ack;
}

static int refuse_window(enum order_tif tif, int before_s, struct exchange_refusal *why)
{
    int hour = before_s / HOUR_S;
    return exchange_refuse(why, 403, FORBIDDEN, "%s orders must be submitted after 7:00pm and before %d:%02d%s",
                           order_tif_name(tif), hour > 12 ? hour - 12 : hour, before_s / 60 % 60,
                           hour >= 12 ? "pm" : "am");
}

int exchange_check_window(struct exchange *e, enum order_tif tif, int64_t now, struct exchange_refusal *why)
{
    struct market *m = e->params.market;
    struct market_session next, today;
    if ((tif != TIF_OPG && tif != TIF_CLS) || !market_exchange_hours(m))
        return 0;
    market_session_at(m, now, &next);
    int s = seconds_of_day(now);
    bool trading_day = market_day_session(m, day_of(now), &today);
    if (tif == TIF_CLS && trading_day && s >= today.close_s - CLS_LEAD_S && s < AUCTION_OPENS_S)
        return refuse_window(tif, today.close_s - CLS_LEAD_S, why);
    if (tif == TIF_OPG &&
        (now >= next.open_ns - OPG_LEAD_NS || (trading_day && s >= today.open_s && s < AUCTION_OPENS_S)))
        return refuse_window(tif, next.open_s - (int)(OPG_LEAD_NS / NS_PER_S), why);
    return 0;
}
