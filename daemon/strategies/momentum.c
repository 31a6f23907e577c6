// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// momentum: holds in equal parts the `top` symbols that rose most over the last `months` months,
// {"months":6,"top":3,"gross":"1","symbols":["SPY","TLT","GLD"]}. The return runs from the last close on or before the
// session's date moved back by that many months, to the newest close before the session. Exact: returns are compared as
// fractions, equal ones by symbol.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/strategies/history.h"

#define MONTHS_MAX 60
#define START_GAP_MAX 10 // days between the date asked for and the close found: more is a hole in the bars
#define SESSIONS_PER_MONTH 22

struct ranked {
    const char *symbol;
    struct price start, end;
};

// The same day of an earlier month, or that month's last.
static struct day months_before(struct day d, int months)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month = d.year * 12 + (d.month - 1) - months;
    struct day out = {(int16_t)(month / 12), (int8_t)(month % 12 + 1), d.mday};
    bool leap = out.year % 4 == 0 && (out.year % 100 != 0 || out.year % 400 == 0);
    int8_t last = (int8_t)(lengths[out.month - 1] + (out.month == 2 && leap));
    if (out.mday > last)
        out.mday = last;
    return out;
}

static int find_start(const struct history *h, struct day from, int months, struct price *out, struct err *err)
{
    char day[WHEN_TEXT_MAX], oldest[WHEN_TEXT_MAX];
    const struct history_close *found = NULL;
    for (size_t i = 0; i < h->count && day_compare(h->closes[i].day, from) <= 0; i++)
        found = &h->closes[i];
    if (!found)
        return err_set(err, "%s: the oldest of %zu bars is of %s, one of %s or before is needed: lookback_days = %d",
                       h->symbol, h->count, day_format(h->closes[0].day, oldest), day_format(from, day),
                       months * SESSIONS_PER_MONTH + START_GAP_MAX);
    if (day_number(from) - day_number(found->day) > START_GAP_MAX)
        return err_set(err, "%s has no bar between %s and %s", h->symbol, day_format(found->day, oldest),
                       day_format(from, day));
    *out = found->close;
    return 0;
}

static int by_return(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    __int128 left = (__int128)x->end.nanos * y->start.nanos, right = (__int128)y->end.nanos * x->start.nanos;
    return left > right ? -1 : left < right ? 1 : strcmp(x->symbol, y->symbol);
}

static int target_of(const struct strategy_input *in, struct strategy_answer *answer, const struct ranked *r,
                     size_t rank, size_t count, int months, struct ratio weight, struct err *err)
{
    char reason[120], percent[DECIMAL_TEXT_MAX] = "?";
    int64_t nanos;
    if (decimal_div_nearest(r->end.nanos - r->start.nanos, r->start.nanos, &nanos) && nanos < INT64_MAX / 100)
        decimal_format_places(nanos * 100, 2, percent);
    snprintf(reason, sizeof reason, "%s%% in %d month%s, rank %zu of %zu", percent, months, months == 1 ? "" : "s",
             rank, count);
    return strategy_target(answer, in, r->symbol, weight, reason, err);
}

static int choose(const struct strategy_input *in, struct strategy_answer *answer, const struct histories *h,
                  int64_t months, int64_t top, struct ratio gross, struct err *err)
{
    struct ranked ranked[HISTORY_SYMBOLS_MAX];
    struct day from = months_before(h->session, (int)months);
    if ((size_t)top > h->count)
        return err_set(err, "params.top is %lld, and there are %zu symbols", (long long)top, h->count);
    for (size_t i = 0; i < h->count; i++) {
        ranked[i] =
            (struct ranked){.symbol = h->items[i].symbol, .end = h->items[i].closes[h->items[i].count - 1].close};
        if (find_start(&h->items[i], from, (int)months, &ranked[i].start, err))
            return -1;
    }
    qsort(ranked, h->count, sizeof *ranked, by_return);
    for (size_t i = 0; i < h->count; i++) {
        struct ratio weight = {i < (size_t)top ? gross.nanos / top : 0};
        if (target_of(in, answer, &ranked[i], i + 1, h->count, (int)months, weight, err))
            return -1;
    }
    return 0;
}

static int momentum(const struct strategy_input *in, struct strategy_answer *answer, struct err *err)
{
    static const char *const members[] = {"months", "top", "gross", "symbols"};
    int64_t months, top;
    struct ratio gross;
    struct histories h;
    if (json_only(strategy_params(in), "params", members, ARRAY_LEN(members), err) ||
        history_param_int(in, "months", 1, MONTHS_MAX, 0, &months, err) ||
        history_param_int(in, "top", 1, HISTORY_SYMBOLS_MAX, 0, &top, err) || history_param_gross(in, &gross, err) ||
        history_read(in, &h, err))
        return -1;
    int rc = choose(in, answer, &h, months, top, gross, err);
    history_free(&h);
    return rc;
}

int main(int argc, char **argv)
{
    return strategy_main(argc, argv, "momentum", "1", momentum);
}
