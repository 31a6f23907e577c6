// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Fills the market from comma-separated files. Every refusal names file and line. (The only file of the market with
// I/O.)
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/market.h"
#include "lib/base/text.h"

#define FIELDS_MAX 8
#define PATH_TEXT_MAX 4096

typedef int row_fn(struct market *m, const char *symbol, char **field, size_t count, struct err *err);

static size_t split_line(char *line, char **field)
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at != NULL && count < FIELDS_MAX;) {
        field[count++] = at;
        at = strchr(at, ',');
        if (at != NULL)
            *at++ = '\0';
    }
    return count;
}

// Reads a file with one header line and calls row for every further one.
static int read_rows(struct market *m, const char *path, const char *symbol, row_fn *row, struct err *err)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return err_set(err, "%s: %s", path, strerror(errno));
    char line[1024];
    int number = 0, result = 0;
    while (result == 0 && fgets(line, sizeof line, f) != NULL) {
        char *field[FIELDS_MAX] = {NULL};
        if (++number == 1 || line[0] == '\n')
            continue;
        if (row(m, symbol, field, split_line(line, field), err) != 0)
            result = err_wrap(err, "%s line %d", path, number);
    }
    if (result == 0 && ferror(f))
        result = err_set(err, "%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
    return result;
}

static bool price_parse(const char *text, struct price *out)
{
    return decimal_parse(text, strlen(text), DECIMAL_EXACT, &out->nanos) == DECIMAL_OK;
}

static int bar_row(struct market *m, const char *symbol, char **field, size_t count, struct err *err)
{
    struct market_bar bar;
    if (count != 6 || !day_parse(field[0], &bar.date) || !price_parse(field[1], &bar.open) ||
        !price_parse(field[2], &bar.high) || !price_parse(field[3], &bar.low) || !price_parse(field[4], &bar.close) ||
        !str_int64(field[5], 0, INT64_MAX, &bar.volume))
        return err_set(err, "expected date,open,high,low,close,volume");
    return market_add_bar(m, symbol, &bar, err);
}

// "4" is four for one, "1:10" one for ten. Cuts the text.
static bool rates_parse(char *text, int64_t *new_rate, int64_t *old_rate)
{
    char *colon = strchr(text, ':');
    *old_rate = 1;
    if (colon != NULL)
        *colon++ = '\0';
    return str_int64(text, 1, 1000, new_rate) && (colon == NULL || str_int64(colon, 1, 1000, old_rate));
}

static int action_row(struct market *m, const char *symbol, char **field, size_t count, struct err *err)
{
    (void)symbol;
    struct day ex_date;
    int64_t new_rate = 0, old_rate = 0;
    struct price per_share = {0};
    bool dividend = count >= 4 && strcmp(field[2], "dividend") == 0;
    if (count < 4 || !day_parse(field[1], &ex_date) || (!dividend && strcmp(field[2], "split") != 0) ||
        (dividend ? !price_parse(field[3], &per_share) : !rates_parse(field[3], &new_rate, &old_rate)))
        return err_set(err, "expected symbol,ex_date,split,NEW or NEW:OLD (whole numbers up to 1000), or "
                            "symbol,ex_date,dividend,dollars");
    if (market_find(m, field[0]) == NULL)
        return 0; // no prices of that symbol here
    return dividend ? market_add_dividend(m, field[0], ex_date, per_share, err)
                    : market_add_split(m, field[0], ex_date, new_rate, old_rate, err);
}

static int special_row(struct market *m, const char *symbol, char **field, size_t count, struct err *err)
{
    (void)symbol;
    struct day date;
    bool closed = count >= 2 && strcmp(field[1], "closed") == 0;
    int64_t hour = 0, minute = 0;
    if (count < 3 || !day_parse(field[0], &date) || (!closed && strcmp(field[1], "early") != 0))
        return err_set(err, "expected date,closed|early,close,reason");
    if (!closed) {
        char *colon = strchr(field[2], ':');
        if (colon == NULL)
            return err_set(err, "an early close needs a time HH:MM, found \"%.16s\"", field[2]);
        *colon = '\0';
        if (!str_int64(field[2], 0, 23, &hour) || !str_int64(colon[1] == '0' ? colon + 2 : colon + 1, 0, 59, &minute))
            return err_set(err, "an early close needs a time HH:MM");
    }
    return market_add_special_day(m, date, closed, (int)(hour * 3600 + minute * 60), err);
}

// HH:MM or HH:MM:SS.
static bool time_parse(const char *text, int *seconds)
{
    int part[3] = {0, 0, 0};
    size_t len = strlen(text);
    if ((len != 5 && len != 8) || text[2] != ':' || (len == 8 && text[5] != ':'))
        return false;
    for (size_t i = 0; i * 3 < len; i++) {
        const char *at = text + 3 * i;
        if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
            return false;
        part[i] = (at[0] - '0') * 10 + at[1] - '0';
    }
    *seconds = part[0] * 3600 + part[1] * 60 + part[2];
    return part[0] < 24 && part[1] < 60 && part[2] < 60;
}

static int halt_row(struct market *m, const char *symbol, char **field, size_t count, struct err *err)
{
    (void)symbol;
    struct day date;
    int from, to;
    if (count < 3 || !day_parse(field[0], &date) || !time_parse(field[1], &from) || !time_parse(field[2], &to))
        return err_set(err, "expected date,start,end,reason with times HH:MM or HH:MM:SS");
    return market_add_halt(m, date, from, to, err);
}

static int load_prices(struct market *m, const char *dir, struct err *err)
{
    char path[PATH_TEXT_MAX], symbol[SYMBOL_MAX];
    snprintf(path, sizeof path, "%s/prices", dir);
    struct dirent **entry = NULL;
    int count = scandir(path, &entry, NULL, alphasort), result = 0;
    if (count < 0)
        return err_set(err, "%s: %s (expected a directory with prices/SYMBOL.csv)", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;
        if (result == 0 && str_ends(name, ".csv")) {
            snprintf(symbol, sizeof symbol, "%.*s", (int)(strlen(name) - 4), name);
            snprintf(path, sizeof path, "%s/prices/%s", dir, name);
            result = symbol_valid(symbol) ? read_rows(m, path, symbol, bar_row, err)
                                          : err_set(err, "%s: the file's name must be a symbol", path);
        }
        free(entry[i]);
    }
    free(entry);
    return result;
}

static int load_optional(struct market *m, const char *dir, const char *name, row_fn *row, struct err *err)
{
    char path[PATH_TEXT_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    if (f == NULL && errno == ENOENT)
        return 0;
    if (f != NULL)
        fclose(f);
    return read_rows(m, path, NULL, row, err);
}

int market_load(struct market *m, const char *dir, struct err *err)
{
    if (load_prices(m, dir, err) != 0 || load_optional(m, dir, "corporate_actions.csv", action_row, err) != 0)
        return -1;
    if (load_optional(m, dir, "calendar/nyse_special_days.csv", special_row, err) != 0)
        return -1;
    return load_optional(m, dir, "calendar/nyse_intraday_halts.csv", halt_row, err);
}
