// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bodies of our own write paths: strict, so that a mistyped member never means "the default".
#include "daemon/api_internal.h"

#include <string.h>

#include "lib/base/json_read.h"

#define NAME_MAX_LEN 64
#define NAMES_MAX 16

static const struct {
    const char *name;
    unsigned bit;
} MEMBERS[] = {{"reason", API_BODY_REASON}, {"code", API_BODY_CODE},   {"strategies", API_BODY_STRATEGIES},
               {"qty", API_BODY_QTY},       {"value", API_BODY_VALUE}, {"for", API_BODY_FOR},
               {"mode", API_BODY_MODE}};

bool api_body_is_json(const struct http_exchange *x)
{
    static const char json[] = "application/json";
    const char *type = http_exchange_header(x, "Content-Type");
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    type += sizeof json - 1;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static int read_line(const struct json_node *n, const char *name, char *out, size_t size, struct err *err)
{
    const char *s = json_string(n);
    if (!s)
        return err_set(err, "%s must be a string, not %s", name, json_type_name(json_type_of(n)));
    if (!s[strspn(s, " ")] || !printable(s))
        return err_set(err, "%s must be one line of text that is not empty", name);
    if (strlen(s) >= size)
        return err_set(err, "%s is longer than %zu bytes", name, size - 1);
    str_copy_cut(out, size, s);
    return 0;
}

static int read_strategies(const struct json_node *n, char out[API_STRATEGIES_MAX], struct err *err)
{
    struct text t;
    if (json_type_of(n) != JSON_IS_ARRAY || json_size(n) == 0 || json_size(n) > NAMES_MAX)
        return err_set(err, "strategies must be an array of 1 to %d names; leave it out for all", NAMES_MAX);
    text_init(&t, API_STRATEGIES_MAX - 1);
    for (size_t i = 0; i < json_size(n); i++) {
        const char *name = json_string(json_at(n, i));
        if (!name || !name[0] || strlen(name) > NAME_MAX_LEN || strpbrk(name, " \t") || !printable(name)) {
            text_free(&t);
            return err_set(err, "strategies holds something that is not a strategy's name");
        }
        for (size_t k = 0; k < i; k++) {
            if (str_equal(name, json_string(json_at(n, k)))) {
                text_free(&t);
                return err_set(err, "strategies names \"%s\" twice", name);
            }
        }
        text_addf(&t, "%s%s", i ? " " : "", name);
    }
    bool fits = !t.overflow;
    if (fits)
        str_copy_cut(out, API_STRATEGIES_MAX, text_str(&t));
    text_free(&t);
    return fits ? 0 : err_set(err, "strategies is longer than %d bytes", API_STRATEGIES_MAX - 1);
}

static int read_mode(const struct json_node *n, char *out, size_t size, struct err *err)
{
    if (read_line(n, "mode", out, size, err) != 0)
        return -1;
    return str_equal(out, "halted") || str_equal(out, "reduce_only")
               ? 0
               : err_set(err, "mode is \"%s\": expected halted or reduce_only", out);
}

static int read_member(const char *name, const struct json_node *value, unsigned allowed, struct api_body *out,
                       struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        unsigned bit = MEMBERS[i].bit;
        if (!str_equal(MEMBERS[i].name, name) || !(allowed & bit))
            continue;
        out->has |= bit;
        if (bit == API_BODY_STRATEGIES)
            return read_strategies(value, out->strategies, err);
        if (bit == API_BODY_QTY)
            return read_line(value, name, out->qty, sizeof out->qty, err);
        if (bit == API_BODY_VALUE)
            return read_line(value, name, out->value, sizeof out->value, err);
        if (bit == API_BODY_FOR)
            return read_line(value, name, out->lasts, sizeof out->lasts, err);
        if (bit == API_BODY_MODE)
            return read_mode(value, out->mode, sizeof out->mode, err);
        return bit == API_BODY_REASON ? read_line(value, name, out->reason, sizeof out->reason, err)
                                      : read_line(value, name, out->code, sizeof out->code, err);
    }
    return err_set(err, "unknown member \"%.40s\"", name);
}

static int read_object(const char *body, size_t len, unsigned allowed, struct api_body *out, struct err *err)
{
    struct json_doc *doc;
    if (json_doc_parse(body, len, &doc, err) != 0)
        return err_wrap(err, "the body is not JSON");
    const struct json_node *root = json_doc_root(doc), *value;
    void *cursor = NULL;
    const char *name;
    int rc = json_type_of(root) == JSON_IS_OBJECT ? 0 : err_set(err, "the body must be a JSON object");
    while (rc == 0 && json_each(root, &cursor, &name, &value))
        rc = read_member(name, value, allowed, out, err);
    json_doc_free(doc);
    return rc;
}

static int read_body(struct http_exchange *x, unsigned allowed, unsigned required, struct api_body *out,
                     struct err *err)
{
    struct api_body read = {0};
    size_t len;
    const char *body = http_exchange_body(x, &len);
    if (len > 0 && !api_body_is_json(x)) {
        err_set(err, "Content-Type must be application/json");
        return 415;
    }
    if (len > 0 && read_object(body, len, allowed, &read, err) != 0)
        return 400;
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        if (required & MEMBERS[i].bit & ~read.has) {
            err_set(err, "the body must be a JSON object with \"%s\"", MEMBERS[i].name);
            return 400;
        }
    }
    *out = read;
    return 0;
}

bool api_body_read(struct http_exchange *x, unsigned allowed, unsigned required, struct api_body *out)
{
    struct err err;
    int status = read_body(x, allowed, required, out, &err);
    if (status)
        api_reply_problem(x, status, "%s", err.text);
    return status == 0;
}
