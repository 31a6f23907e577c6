// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Faults on request: which request they hit, and what they do to its answer.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define HUGE_BYTES (16 * 1024 * 1024)
#define HUGE_BYTES_MAX (64 * 1024 * 1024)
#define DELAY_MAX_MS (600 * 1000)
enum { DRAW_FAULT = 400 };

#define FAULT_WORD(symbol, word) word,
static const char *const fault_words[] = {SIM_FAULTS(FAULT_WORD)};

const char *sim_fault_name(enum sim_fault_action action)
{
    return fault_words[action];
}

bool sim_fault_processes(enum sim_fault_action action)
{
    return action != SIM_FAULT_DROP_BEFORE && action != SIM_FAULT_HTML && action != SIM_FAULT_STATUS &&
           action != SIM_FAULT_ECHO;
}

// Faults.

static void put_fault(struct json_out *o, const struct sim_fault *f)
{
    json_object_begin(o);
    json_put_string(o, "match", f->match);
    json_put_string(o, "action", sim_fault_name(f->action));
    json_put_int(o, "skip", f->skip);
    json_put_int(o, "count", f->count);
    json_put_decimal(o, "rate", f->rate_ppm * 1000);
    json_put_int(o, "status", f->status);
    json_put_int(o, "code", f->code);
    json_put_int(o, "delay_ms", f->delay_ms);
    json_put_int(o, "size", f->size);
    json_put_string(o, "symbol", f->symbol);
    json_object_end(o);
}

void sim_admin_faults_clear(struct sim_call *c)
{
    c->sim->fault_count = 0;
    sim_admin_faults(c);
}

void sim_admin_faults(struct sim_call *c)
{
    json_array_begin(&c->out);
    for (size_t i = 0; i < c->sim->fault_count; i++)
        put_fault(&c->out, &c->sim->faults[i]);
    json_array_end(&c->out);
}

static int read_int(const struct json_node *root, const char *name, int64_t min, int64_t max, int64_t *value,
                    struct err *err)
{
    const struct json_node *n = json_get(root, name);
    int64_t got = *value;
    if (n != NULL && (!json_int64(n, &got) || got < min || got > max))
        return err_set(err, "fault.%s: expected a whole number from %lld to %lld", name, (long long)min,
                       (long long)max);
    *value = got;
    return 0;
}

// A share from 0 to 1; with one, a fault lasts until it is cleared unless a count is given.
static int read_rate(const struct json_node *root, bool *drawn, int64_t *ppm, struct err *err)
{
    int64_t rate = DECIMAL_ONE;
    if (json_opt_decimal(root, "fault", "rate", DECIMAL_EXACT, drawn, &rate, err) != 0)
        return -1;
    rate = *drawn ? rate : DECIMAL_ONE;
    if (rate <= 0 || rate > DECIMAL_ONE)
        return err_set(err, "fault.rate: expected a share above 0, at most 1");
    *ppm = rate / 1000;
    return 0;
}

// "429", "503" and the like are short for the action status, with the code that Alpaca sends.
static bool read_status_word(const char *action, struct sim_fault *f)
{
    int64_t status;
    if (strlen(action) != 3 || !str_int64(action, 400, 599, &status))
        return false;
    f->action = SIM_FAULT_STATUS;
    f->status = (int)status;
    if (f->code == 0)
        f->code = status == 429 ? 42910000 : (int)status * 100000 + 10000;
    return true;
}

static int read_symbol(const struct json_node *root, struct sim_fault *f, struct err *err)
{
    const char *symbol;
    if (json_opt_string(root, "fault", "symbol", &symbol, err) != 0)
        return -1;
    return symbol == NULL || str_copy(f->symbol, sizeof f->symbol, symbol) ? 0
                                                                           : err_set(err, "fault.symbol is too long");
}

static int read_fault(const struct json_node *root, struct sim_fault *f, struct err *err)
{
    static const char *const names[] = {"match",  "skip", "count",    "rate", "action",
                                        "status", "code", "delay_ms", "size", "symbol"};
    const char *match, *action;
    bool drawn;
    int64_t status = 500, code = 0;
    *f = (struct sim_fault){.count = 1, .size = HUGE_BYTES, .delay_ms = 1000};
    if (read_rate(root, &drawn, &f->rate_ppm, err) != 0)
        return -1;
    f->count = drawn ? INT32_MAX : 1;
    if (json_only(root, "fault", names, ARRAY_LEN(names), err) != 0 ||
        json_want_string(root, "fault", "match", &match, err) != 0 ||
        json_want_string(root, "fault", "action", &action, err) != 0 ||
        read_int(root, "skip", 0, INT32_MAX, &f->skip, err) != 0 ||
        read_int(root, "count", 1, INT32_MAX, &f->count, err) != 0 ||
        read_int(root, "delay_ms", 0, DELAY_MAX_MS, &f->delay_ms, err) != 0 ||
        read_int(root, "size", 1, HUGE_BYTES_MAX, &f->size, err) != 0 || read_symbol(root, f, err) != 0 ||
        read_int(root, "status", 200, 599, &status, err) != 0 || read_int(root, "code", 0, INT32_MAX, &code, err) != 0)
        return -1;
    f->status = (int)status;
    f->code = (int)code;
    if (!str_copy(f->match, sizeof f->match, match))
        return err_set(err, "fault.match is too long");
    if (read_status_word(action, f))
        return 0;
    for (size_t i = 1; i < ARRAY_LEN(fault_words); i++)
        if (strcmp(fault_words[i], action) == 0)
            f->action = (enum sim_fault_action)i;
    return f->action != SIM_FAULT_NONE ? 0 : err_set(err, "fault.action \"%.32s\" is not known", action);
}

void sim_admin_fault(struct sim_call *c)
{
    struct json_doc *doc;
    struct err err;
    struct sim_fault f;
    bool clear = false;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, &err) != 0) {
        sim_refuse(c, 400, 0, "%s", err.text);
        return;
    }
    if (json_bool(json_get(json_doc_root(doc), "clear"), &clear) && clear)
        c->sim->fault_count = 0;
    else if (read_fault(json_doc_root(doc), &f, &err) != 0)
        sim_refuse(c, 400, 0, "%s", err.text);
    else if (c->sim->fault_count == SIM_FAULTS_MAX)
        sim_refuse(c, 400, 0, "too many faults wait; send {\"clear\":true} first");
    else {
        f.number = c->sim->faults_made++;
        c->sim->faults[c->sim->fault_count++] = f;
    }
    json_doc_free(doc);
    if (c->reply->status == 200)
        sim_admin_faults(c);
}

// Each * stands for any characters, also none.
static bool pattern_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) { // the last star takes one character more
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool fault_drawn(struct sim *s, struct sim_fault *f)
{
    uint64_t draw = draw3(exchange_params(s->exchange)->seed, DRAW_FAULT, f->number, f->draws++);
    return draw_below(draw, 1000000) < f->rate_ppm;
}

static bool fault_matches(const struct sim_fault *f, const struct sim_request *q)
{
    char line[SIM_TEXT_MAX];
    snprintf(line, sizeof line, "%s %s", http_method_name(q->method), q->path);
    return pattern_fits(f->match, line);
}

struct sim_fault sim_fault_take(struct sim *s, const struct sim_request *q)
{
    for (size_t i = 0; i < s->fault_count; i++) {
        struct sim_fault *f = &s->faults[i];
        if (!fault_matches(f, q))
            continue;
        if (f->skip > 0) {
            f->skip--;
            continue;
        }
        if (!fault_drawn(s, f))
            continue;
        struct sim_fault hit = *f;
        if (f->action == SIM_FAULT_ECHO)
            snprintf(hit.echo, sizeof hit.echo, "no leave for key %s with secret %s", q->key ? q->key : "",
                     q->secret ? q->secret : "");
        if (--f->count == 0) {
            memmove(f, f + 1, (s->fault_count - i - 1) * sizeof *f);
            s->fault_count--;
        }
        return hit;
    }
    return (struct sim_fault){0};
}

// {"id":... becomes {"id":null,"id":...
static void duplicate_member(struct text *body)
{
    const char *at = memchr(body->data, '{', body->len), *end;
    if (at == NULL || at[1] != '"' || (end = strchr(at + 2, '"')) == NULL)
        return;
    struct text out;
    text_init(&out, body->max);
    text_addn(&out, body->data, (size_t)(at - body->data) + 1);
    text_addn(&out, at + 1, (size_t)(end - at));
    text_add(&out, ":null,");
    text_add(&out, at + 1);
    text_free(body);
    *body = out;
}

static const char *string_end(const char *at) // at its opening quote; just behind the closing one
{
    for (at++; *at != '\0' && *at != '"'; at++)
        at += *at == '\\' && at[1] != '\0';
    return *at == '"' ? at + 1 : at;
}

// Every member's string value becomes a number; a number, true, false or null becomes a string.
static void wrong_types(struct text *body)
{
    struct text out;
    text_init(&out, body->max);
    const char *at = text_str(body);
    while (*at != '\0') {
        const char *end = *at == '"' ? string_end(at) : at + 1;
        text_addn(&out, at, (size_t)(end - at));
        at = end;
        if (end[-1] != ':')
            continue;
        if (*at == '"') {
            at = string_end(at);
            text_add(&out, "7");
        } else if (*at != '{' && *at != '[') {
            at += strcspn(at, ",}]");
            text_add(&out, "\"odd\"");
        }
    }
    text_free(body);
    *body = out;
}

// "12.5" becomes "12.50000000004": less than half of the ninth decimal more, which no reader may see.
static void long_decimals(struct text *body)
{
    struct text out;
    text_init(&out, body->max);
    const char *at = text_str(body);
    while (*at != '\0') {
        const char *end = *at == '"' ? string_end(at) : at + 1;
        size_t len = (size_t)(end - at), digits = *at == '"' ? strspn(at + 1, "-0123456789") : 0, decimals = 0;
        bool number = digits > 0 && digits < len - 1;
        if (number && at[1 + digits] == '.')
            decimals = strspn(at + digits + 2, "0123456789");
        number = number && decimals > 0 && decimals <= 9 && digits + decimals + 3 == len;
        text_addn(&out, at, number ? len - 1 : len);
        if (number)
            text_addf(&out, "%s04\"", &"000000000"[decimals]);
        at = end;
    }
    text_free(body);
    *body = out;
}

static void instead(struct sim_reply *reply, const struct sim_fault *f)
{
    struct json_out o;
    reply->status = f->status;
    text_clear(&reply->body);
    if (f->action == SIM_FAULT_HTML) {
        reply->content_type = "text/html";
        text_addf(&reply->body, "<html><head><title>%d</title></head><body><h1>%d</h1></body></html>\r\n", f->status,
                  f->status);
        return;
    }
    reply->content_type = "application/json; charset=UTF-8";
    json_out_init(&o, &reply->body);
    json_object_begin(&o);
    if (f->code != 0)
        json_put_int(&o, "code", f->code);
    json_put_string(&o, "message", f->action == SIM_FAULT_ECHO ? f->echo : "fault on request");
    json_object_end(&o);
}

void sim_fault_spoil(const struct sim_fault *f, struct sim_reply *reply)
{
    if (f->action == SIM_FAULT_HTML || f->action == SIM_FAULT_STATUS || f->action == SIM_FAULT_ECHO)
        instead(reply, f);
    else if (f->action == SIM_FAULT_TRUNCATE)
        reply->body.len /= 2;
    else if (f->action == SIM_FAULT_DUPLICATE_MEMBER && reply->body.len > 0)
        duplicate_member(&reply->body);
    else if (f->action == SIM_FAULT_WRONG_TYPES)
        wrong_types(&reply->body);
    else if (f->action == SIM_FAULT_LONG_DECIMALS)
        long_decimals(&reply->body);
    else if (reply->status == 200)
        sim_listing_spoil(f, reply);
    while (f->action == SIM_FAULT_HUGE && reply->body.len < (size_t)f->size && !reply->body.overflow)
        text_add(&reply->body, "                                                                ");
}
