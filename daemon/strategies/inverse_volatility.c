// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// inverse-volatility: holds each symbol in proportion to 1/sigma, sigma being the sample standard deviation of its last
// `days` daily log returns, {"days":60,"gross":"1","symbols":["SPY","TLT","GLD"]}. All of it in whole numbers with
// fifteen decimals, so that the weights are the same on every machine and can be checked by hand.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/strategies/history.h"

#define DAYS_MIN 2
#define DAYS_MAX 1000
#define SCALE INT64_C(1000000000000000)                 // 1.0
#define RETURN_MAX 10                                   // a day's factor beyond it is no return but an unadjusted split
#define SIGMA_MIN INT64_C(100000000)                    // 1e-7 a day: whoever moves less has no usable price
#define INVERSE ((__int128)SCALE * 1000000000000000000) // over sigma: 1/sigma with eighteen decimals

// ln(b/a) = 2 artanh(z), z = (b-a)/(b+a): 2 (z + z^3/3 + z^5/5 ...). |z| is below 9/11 here.
static int64_t log_ratio(struct price a, struct price b)
{
    __int128 z = ((__int128)b.nanos - a.nanos) * SCALE / ((__int128)b.nanos + a.nanos);
    __int128 square = z * z / SCALE, power = z, sum = z;
    for (int n = 3; power != 0; n += 2) {
        power = power * square / SCALE;
        sum += power / n;
    }
    return (int64_t)(2 * sum);
}

static int64_t root_down(__int128 v)
{
    __int128 low = 0, high = (__int128)1 << 63; // v is below 2^126
    while (high - low > 1) {
        __int128 mid = (low + high) / 2;
        if (mid <= v / mid)
            low = mid;
        else
            high = mid;
    }
    return (int64_t)low;
}

static int sigma_of(const struct history *h, size_t days, int64_t *out, struct err *err)
{
    char day[WHEN_TEXT_MAX];
    const struct history_close *c = h->closes + (h->count - days - 1);
    __int128 sum = 0, squares = 0;
    CHECK(days >= DAYS_MIN);
    for (size_t i = 0; i < days; i++) {
        struct price a = c[i].close, b = c[i + 1].close;
        if (b.nanos / RETURN_MAX >= a.nanos || a.nanos / RETURN_MAX >= b.nanos)
            return err_set(err, "%s moved by a factor of %d or more to %s: a split that is not adjusted?", h->symbol,
                           RETURN_MAX, day_format(c[i + 1].day, day));
        int64_t r = log_ratio(a, b);
        sum += r;
        squares += (__int128)r * r;
    }
    __int128 n = (__int128)days;
    *out = root_down((n * squares - sum * sum) / (n * (n - 1)));
    if (*out < SIGMA_MIN)
        return err_set(err, "%s hardly moved in %zu days: it has no volatility to weigh by", h->symbol, days);
    return 0;
}

// The windows must be the same days for all, or their volatilities say different things.
static int check_windows(const struct histories *h, size_t days, struct err *err)
{
    char day[WHEN_TEXT_MAX], first[WHEN_TEXT_MAX];
    for (size_t i = 0; i < h->count; i++)
        if (h->items[i].count < days + 1)
            return err_set(err, "%s has %zu bars, %zu are needed: lookback_days = %zu", h->items[i].symbol,
                           h->items[i].count, days + 1, days + 1);
    for (size_t k = 0; k <= days; k++)
        for (size_t i = 1; i < h->count; i++) {
            struct day a = h->items[0].closes[h->items[0].count - 1 - k].day;
            struct day b = h->items[i].closes[h->items[i].count - 1 - k].day;
            if (day_compare(a, b) != 0)
                return err_set(err, "the bars of %s and %s are of different days: %s, %s", h->items[0].symbol,
                               h->items[i].symbol, day_format(a, first), day_format(b, day));
        }
    return 0;
}

static int weigh(const struct strategy_input *in, struct strategy_answer *answer, const struct histories *h,
                 size_t days, struct ratio gross, struct err *err)
{
    __int128 inverse[HISTORY_SYMBOLS_MAX], total = 0;
    int64_t sigma[HISTORY_SYMBOLS_MAX];
    char reason[120], percent[DECIMAL_TEXT_MAX];
    if (check_windows(h, days, err))
        return -1;
    for (size_t i = 0; i < h->count; i++) {
        if (sigma_of(&h->items[i], days, &sigma[i], err))
            return -1;
        inverse[i] = INVERSE / sigma[i];
        total += inverse[i];
    }
    for (size_t i = 0; i < h->count; i++) {
        struct ratio weight = {(int64_t)(inverse[i] * gross.nanos / total)};
        decimal_format_places(sigma[i] / (SCALE / DECIMAL_ONE) * 100, 4, percent);
        snprintf(reason, sizeof reason, "sigma %s%% a day over %zu days", percent, days);
        if (strategy_target(answer, in, h->items[i].symbol, weight, reason, err))
            return -1;
    }
    return 0;
}

static int inverse_volatility(const struct strategy_input *in, struct strategy_answer *answer, struct err *err)
{
    static const char *const members[] = {"days", "gross", "symbols"};
    int64_t days;
    struct ratio gross;
    struct histories h;
    if (json_only(strategy_params(in), "params", members, ARRAY_LEN(members), err) ||
        history_param_int(in, "days", DAYS_MIN, DAYS_MAX, 0, &days, err) || history_param_gross(in, &gross, err) ||
        history_read(in, &h, err))
        return -1;
    int rc = weigh(in, answer, &h, (size_t)days, gross, err);
    history_free(&h);
    return rc;
}

int main(int argc, char **argv)
{
    return strategy_main(argc, argv, "inverse-volatility", "1", inverse_volatility);
}
