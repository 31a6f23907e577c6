// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o daemon/sim/sim_*.o
//
// Any text, taken as requests to the simulated exchange with pauses between them: each is answered with a status and
// JSON, money is neither made nor lost, and the changes alone, done anew without the reads and in one go, lead to the
// same state (this is what --state stands on).
//
// A line "WAIT N" lets N seconds pass; any other is "METHOD TARGET", the rest up to a line of "." is its body.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sim/sim.h"
#include "lib/base/json_read.h"

#define REQUESTS_MAX 16
#define WAIT_MAX (3 * 86400)               // in all: what rests is looked at each second
#define START INT64_C(1795190400000000000) // a Friday, 11:00 in New York
#define KEY "PKSIMFUZZ0000000001"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
    int64_t at;
    struct sim_request request;
};
struct script {
    char *text;
    struct step steps[REQUESTS_MAX];
    size_t count;
    int64_t end;
};

static char data_dir[64];

static void write_prices(const char *symbol, int base)
{
    char path[128];
    snprintf(path, sizeof path, "%s/prices/%s.csv", data_dir, symbol);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    fputs("date,open,high,low,close,volume\n", f);
    for (int i = 0; i < 40; i++)
        fprintf(f, "2020-%02d-%02d,%d.10,%d.90,%d.05,%d.60,100000\n", 7 + i / 20, 1 + i % 20, base + i % 7,
                base + i % 7 + 3, base + i % 7 - 2, base + i % 7 + 1);
    CHECK(fclose(f) == 0);
}

static void remove_data(void)
{
    static const char *const names[] = {"prices/SPY.csv", "prices/AAPL.csv", "corporate_actions.csv", "prices", ""};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", data_dir, names[i]);
        remove(path);
    }
}

static void make_data(void)
{
    char path[128];
    if (*data_dir != '\0')
        return;
    CHECK(when_zone_init(NULL) == 0);
    snprintf(data_dir, sizeof data_dir, "/tmp/fuzz_sim.XXXXXX");
    CHECK(mkdtemp(data_dir) != NULL && atexit(remove_data) == 0);
    snprintf(path, sizeof path, "%s/prices", data_dir);
    CHECK(mkdir(path, 0700) == 0);
    write_prices("SPY", 100);
    write_prices("AAPL", 400);
    snprintf(path, sizeof path, "%s/corporate_actions.csv", data_dir);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    fputs("symbol,ex_date,kind,value,source\nAAPL,2020-08-03,split,4,x\nSPY,2020-08-03,dividend,1.11,x\n", f);
    CHECK(fclose(f) == 0);
}

static struct sim *sim_made(bool exchange_hours)
{
    struct sim_params p = {.key = KEY, .secret = "s", .data_dir = data_dir};
    p.market = (struct market_params){.seed = 3, .speed = 1, .exchange_hours = exchange_hours, .begin = {2020, 8, 1}};
    p.exchange = (struct exchange_params){.seed = 3,
                                          .cash = {100000 * DECIMAL_ONE},
                                          .multiplier = 4,
                                          .shorting = true,
                                          .fill_delay_ns = 300 * NS_PER_MS,
                                          .partial_ppm = 300000,
                                          .fees = EXCHANGE_FEES_DAILY};
    struct err err = {.text = ""};
    struct sim *s = sim_new(&p, START, &err);
    if (s == NULL)
        fprintf(stderr, "%s\n", err.text);
    CHECK(s != NULL);
    return s;
}

// Reading the script. Pieces that make no request are left out.

static char *line_take(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (*line == '\0')
        return NULL;
    *at = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL)
        *end = '\0';
    return line;
}

static bool method_read(char **line, enum http_method *method)
{
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        const char *name = http_method_name((enum http_method)i);
        size_t len = strlen(name);
        if (strncmp(*line, name, len) != 0 || (*line)[len] != ' ')
            continue;
        *method = (enum http_method)i;
        *line += len + 1;
        return (*line)[0] == '/' && strchr(*line, ' ') == NULL;
    }
    return false;
}

static char *body_take(char **at)
{
    char *body = *at, *end = strncmp(body, ".\n", 2) == 0 ? body : strstr(body, "\n.\n");
    if (end == NULL) {
        *at = body + strlen(body);
        return body;
    }
    *at = end + (end == body ? 2 : 3);
    *end = '\0';
    return body;
}

static void script_read(struct script *s, const uint8_t *data, size_t size)
{
    // Around the clock every second is one in which something may fill.
    int64_t now = START, most = size % 2 == 0 ? WAIT_MAX : WAIT_MAX / 10;
    s->text = check_strndup((const char *)data, size);
    for (char *at = s->text, *line; s->count < REQUESTS_MAX && (line = line_take(&at)) != NULL;) {
        int64_t wait;
        struct step *step = &s->steps[s->count];
        if (strncmp(line, "WAIT ", 5) == 0 && str_int64(line + 5, 0, WAIT_MAX, &wait)) {
            int64_t left = START + most * NS_PER_S - now;
            now += left <= 0 ? 0 : wait * NS_PER_S < left ? wait * NS_PER_S : left;
            continue;
        }
        if (!method_read(&line, &step->request.method))
            continue;
        now += 10 * NS_PER_MS;
        step->at = now;
        step->request.path = line;
        step->request.query = "";
        step->request.key = KEY;
        step->request.secret = "s";
        char *query = strchr(line, '?');
        if (query != NULL) {
            *query = '\0';
            step->request.query = query + 1;
        }
        step->request.body = body_take(&at);
        step->request.body_len = strlen(step->request.body);
        s->count++;
    }
    s->end = now + NS_PER_S;
}

// Checking.

static void reply_check(const struct sim_reply *r)
{
    struct json_doc *doc;
    struct err err = {.text = ""};
    CHECK(r->status >= 200 && r->status < 600 && (r->status != 204 || r->body.len == 0));
    if (r->content_type == NULL || strstr(r->content_type, "json") == NULL || r->body.overflow)
        return;
    if (json_doc_parse(r->body.data, r->body.len, &doc, &err) != 0) {
        fprintf(stderr, "%s: %.300s\n", err.text, text_str(&r->body));
        abort();
    }
    json_doc_free(doc);
}

static void run(struct sim *s, const struct script *script, bool reads)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct step *step = &script->steps[i];
        struct sim_reply reply;
        if (!reads && step->request.method == HTTP_GET)
            continue;
        if (reads)
            sim_handle(s, &step->request, step->at, &reply);
        else
            sim_replay(s, &step->request, step->at, &reply);
        reply_check(&reply);
        sim_reply_free(&reply);
    }
}

// The state as it is told, without what counts requests.
static char *state_of(struct sim *s, int64_t now)
{
    const struct sim_request q = {.method = HTTP_GET, .path = "/sim/state", .query = "", .key = KEY, .secret = "s"};
    struct sim_reply reply;
    sim_handle(s, &q, now, &reply);
    CHECK(reply.status == 200);
    char *text = check_strdup(text_str(&reply.body)), *from = strstr(text, "\"requests\""), *to;
    CHECK(from != NULL && (to = strchr(from, ',')) != NULL);
    memmove(from, to, strlen(to) + 1);
    sim_reply_free(&reply);
    return text;
}

static void money_check(struct sim *s)
{
    const struct exchange *e = sim_exchange(s);
    int64_t sum = exchange_params(e)->cash.nanos;
    for (size_t i = 0; i < exchange_fill_count(e); i++)
        sum += exchange_fill_at(e, i)->cash.nanos;
    for (size_t i = 0; i < exchange_nta_count(e); i++)
        sum += exchange_nta_at(e, i)->net_amount.nanos;
    CHECK(sum == exchange_cash(e).nanos);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || memchr(data, '\0', size) != NULL)
        return 0;
    make_data();
    struct script script = {.count = 0};
    script_read(&script, data, size);
    struct sim *whole = sim_made(size % 2 == 0), *again = sim_made(size % 2 == 0);
    run(whole, &script, true);
    run(again, &script, false);
    char *a = state_of(whole, script.end), *b = state_of(again, script.end);
    if (strcmp(a, b) != 0) {
        fprintf(stderr, "%s\n%s\n", a, b);
        abort();
    }
    money_check(whole);
    free(a);
    free(b);
    sim_free(whole);
    sim_free(again);
    free(script.text);
    return 0;
}
