// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which prices are rehearsed over: any folder of SYMBOL.csv files, or one laid out as the sample data is.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/sim/rehearse/rehearse.h"

#define ACTIONS "corporate_actions.csv"

// In the tree and installed, from where the program lies.
static const char *const shipped_at[] = {"/../../conf/sample-data", "/../../share/paperguard/sample-data"};

const char *prices_shipped(const struct rehearsal *r)
{
    static char path[REHEARSE_PATH_MAX];
    char *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(shipped_at) && !found; i++) {
        snprintf(path, sizeof path, "%s%s", r->self, shipped_at[i]);
        found = realpath(path, NULL);
    }
    if (found)
        str_copy_cut(path, sizeof path, found);
    free(found);
    return path;
}

static int link_to(const char *folder, const char *name, const char *to, struct err *err)
{
    char path[2 * REHEARSE_PATH_MAX], *target = realpath(to, NULL);
    snprintf(path, sizeof path, "%s/data/%s", folder, name);
    if (!target)
        return err_set(err, "%s: %s", to, strerror(errno));
    int rc = symlink(target, path) == 0 ? 0 : err_set(err, "%s: %s", path, strerror(errno));
    free(target);
    return rc;
}

static int link_when_there(const struct rehearsal *r, const char *name, struct err *err)
{
    char from[REHEARSE_PATH_MAX];
    snprintf(from, sizeof from, "%s/%s", r->prices, name);
    return access(from, F_OK) == 0 ? link_to(r->folder, name, from, err) : 0;
}

// The files beside each other in one folder: all that are named as a symbol is.
static int link_files(const struct rehearsal *r, struct err *err)
{
    char path[REHEARSE_PATH_MAX], from[REHEARSE_PATH_MAX], to[REHEARSE_PATH_MAX];
    int found = 0, rc = 0;
    snprintf(path, sizeof path, "%s/data/prices", r->folder);
    DIR *d = opendir(r->prices);
    if (!d || mkdir(path, 0755) != 0) {
        rc = err_set(err, "%s: %s (expected a folder with a file SYMBOL.csv for each symbol)", r->prices,
                     strerror(errno));
        if (d)
            closedir(d);
        return rc;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        if (!str_ends(e->d_name, ".csv") || str_equal(e->d_name, ACTIONS))
            continue;
        snprintf(from, sizeof from, "%s/%s", r->prices, e->d_name);
        snprintf(to, sizeof to, "prices/%s", e->d_name);
        rc = link_to(r->folder, to, from, err);
        found++;
    }
    closedir(d);
    if (rc == 0 && found == 0)
        rc = err_set(err,
                     "%s: no prices are there; expected a file SYMBOL.csv for each symbol, with lines "
                     "date,open,high,low,close,volume under one headline",
                     r->prices);
    return rc;
}

int prices_prepare(struct rehearsal *r, struct err *err)
{
    char path[REHEARSE_PATH_MAX], calendar[REHEARSE_PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "%s/data", r->folder);
    if (mkdir(path, 0755) != 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/prices", r->prices);
    r->flat = stat(path, &st) != 0 || !S_ISDIR(st.st_mode);
    int rc = r->flat ? link_files(r, err) : link_to(r->folder, "prices", path, err);
    if (rc == 0)
        rc = link_when_there(r, ACTIONS, err);
    snprintf(calendar, sizeof calendar, "%s/calendar", r->prices);
    if (access(calendar, R_OK) != 0)
        snprintf(calendar, sizeof calendar, "%s/calendar", prices_shipped(r));
    return rc == 0 ? link_to(r->folder, "calendar", calendar, err) : -1;
}

void prices_say(const struct rehearsal *r, struct err *err)
{
    char ours[REHEARSE_PATH_MAX], text[sizeof err->text], *at;
    snprintf(ours, sizeof ours, "%s/data/%s", r->folder, r->flat ? "prices/" : "");
    if (!(at = strstr(err->text, ours)))
        return;
    snprintf(text, sizeof text, "%.*s%s/%s", (int)(at - err->text), err->text, r->prices, at + strlen(ours));
    snprintf(err->text, sizeof err->text, "%s", text);
}

// --- what the files hold

typedef int bar_fn(void *arg, const char *path, int line, struct day date, struct err *err);

static int each_bar(const struct rehearsal *r, const char *file, bar_fn *fn, void *arg, struct err *err)
{
    char path[REHEARSE_PATH_MAX], line[1024];
    struct day date;
    int number = 0, rc = 0;
    snprintf(path, sizeof path, "%s/data/prices/%s", r->folder, file);
    FILE *f = fopen(path, "re");
    if (!f)
        return err_set(err, "%s: %s", path, strerror(errno));
    while (rc == 0 && fgets(line, sizeof line, f)) {
        line[strcspn(line, ",\r\n")] = '\0';
        if (++number > 1 && day_parse(line, &date))
            rc = fn(arg, path, number, date, err);
    }
    fclose(f);
    return rc;
}

static int each_file(const struct rehearsal *r, int (*fn)(void *arg, const char *file, struct err *err), void *arg,
                     struct err *err)
{
    char path[REHEARSE_PATH_MAX];
    struct dirent **entry = NULL;
    int rc = 0;
    snprintf(path, sizeof path, "%s/data/prices", r->folder);
    int count = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (rc == 0 && str_ends(entry[i]->d_name, ".csv"))
            rc = fn(arg, entry[i]->d_name, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

struct ends { // of the stretch that all files share
    const struct rehearsal *r;
    struct day first, last, file_first, file_last;
    struct day from; // the first bar in the range
};

static int ends_bar(void *arg, const char *path, int line, struct day date, struct err *err)
{
    struct ends *e = arg;
    (void)path, (void)line, (void)err;
    if (!e->file_first.year)
        e->file_first = date;
    e->file_last = date;
    return 0;
}

static int ends_file(void *arg, const char *file, struct err *err)
{
    struct ends *e = arg;
    e->file_first = e->file_last = (struct day){0};
    if (each_bar(e->r, file, ends_bar, e, err) != 0)
        return -1;
    if (!e->file_first.year)
        return err_set(err,
                       "%s/data/prices/%s: no line is a bar; expected date,open,high,low,close,volume under one "
                       "headline, dates as 2019-06-03",
                       e->r->folder, file);
    if (!e->first.year || day_compare(e->file_first, e->first) > 0)
        e->first = e->file_first;
    if (!e->last.year || day_compare(e->file_last, e->last) < 0)
        e->last = e->file_last;
    return 0;
}

static int range_bar(void *arg, const char *path, int line, struct day date, struct err *err)
{
    struct ends *e = arg;
    (void)path, (void)line, (void)err;
    if (!e->from.year && day_compare(date, e->r->first) >= 0 && day_compare(date, e->r->last) <= 0)
        e->from = date;
    return 0;
}

static int range_file(void *arg, const char *file, struct err *err)
{
    struct ends *e = arg;
    return e->from.year ? 0 : each_bar(e->r, file, range_bar, e, err);
}

int prices_range(struct rehearsal *r, struct err *err)
{
    char a[WHEN_TEXT_MAX], b[WHEN_TEXT_MAX], c[WHEN_TEXT_MAX], d[WHEN_TEXT_MAX];
    struct ends e = {.r = r};
    if (each_file(r, ends_file, &e, err) != 0)
        return -1;
    r->first = r->from.year && day_compare(r->from, e.first) > 0 ? r->from : e.first;
    r->last = r->to.year && day_compare(r->to, e.last) < 0 ? r->to : e.last;
    if (day_compare(r->first, r->last) <= 0 && each_file(r, range_file, &e, err) != 0)
        return -1;
    if (!e.from.year)
        return err_set(err, "no prices are in the range from %s to %s: %s has them from %s to %s",
                       r->from.year ? day_format(r->from, a) : "the first",
                       r->to.year ? day_format(r->to, b) : "the last", r->prices, day_format(e.first, c),
                       day_format(e.last, d));
    r->first = e.from;
    return 0;
}

struct held { // one file against the calendar
    const struct rehearsal *r;
    const struct market *market;
    struct market_session expected;
};

static int held_bar(void *arg, const char *path, int line, struct day date, struct err *err)
{
    struct held *h = arg;
    struct market_session s;
    char found[WHEN_TEXT_MAX], missing[WHEN_TEXT_MAX];
    if (!market_day_session(h->market, date, &s))
        return err_set(err, "%s line %d: %s is no session of the exchange (calendar/nyse_special_days.csv)", path, line,
                       day_format(date, found));
    if (h->expected.date.year && day_compare(date, h->expected.date) != 0)
        return err_set(err, "%s line %d: found %s, expected the session %s", path, line, day_format(date, found),
                       day_format(h->expected.date, missing));
    market_session_after(h->market, &s, &h->expected);
    return 0;
}

static int held_file(void *arg, const char *file, struct err *err)
{
    struct held *h = arg;
    h->expected = (struct market_session){0};
    return each_bar(h->r, file, held_bar, h, err);
}

int prices_check(const struct rehearsal *r, struct err *err)
{
    struct held h = {.r = r, .market = exchange_params(sim_exchange(r->exchange))->market};
    return each_file(r, held_file, &h, err);
}
