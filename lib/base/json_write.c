// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Streaming JSON writer. Wrong nesting is a bug of ours and aborts; what strings hold is a peer's business and is made
// valid.
#include "lib/base/json_write.h"

#include <string.h>

#include "lib/base/decimal.h"

void json_out_init(struct json_out *o, struct text *text)
{
    *o = (struct json_out){.text = text};
}

// Before any value: the comma when one is due, and the proof that a value may stand here.
static void begin_value(struct json_out *o)
{
    if (o->after_key) {
        o->after_key = false;
        return;
    }
    CHECK(!o->in_object[o->depth]);
    CHECK(o->depth > 0 || !o->comma[0]); // one value at the top
    if (o->comma[o->depth])
        text_addc(o->text, ',');
    o->comma[o->depth] = true;
}

static void open_level(struct json_out *o, char bracket, bool object)
{
    begin_value(o);
    CHECK(o->depth + 1 < JSON_WRITE_DEPTH);
    text_addc(o->text, bracket);
    o->depth++;
    o->comma[o->depth] = false;
    o->in_object[o->depth] = object;
}

static void close_level(struct json_out *o, char bracket, bool object)
{
    CHECK(o->depth > 0 && o->in_object[o->depth] == object && !o->after_key);
    text_addc(o->text, bracket);
    o->depth--;
}

void json_object_begin(struct json_out *o)
{
    open_level(o, '{', true);
}

void json_object_end(struct json_out *o)
{
    close_level(o, '}', true);
}

void json_array_begin(struct json_out *o)
{
    open_level(o, '[', false);
}

void json_array_end(struct json_out *o)
{
    close_level(o, ']', false);
}

static void add_escape(struct text *t, unsigned char c)
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = short_forms; *p != '\0'; p += 2) {
        if ((unsigned char)p[0] == c) {
            text_addc(t, '\\');
            text_addc(t, p[1]);
            return;
        }
    }
    text_addf(t, "\\u%04x", c);
}

static void add_quoted(struct text *t, const char *s)
{
    text_addc(t, '"');
    const char *plain = s; // start of what needs no change
    while (*s != '\0') {
        unsigned char c = (unsigned char)*s;
        size_t n = str_char(s);
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            s += n;
            continue;
        }
        text_addn(t, plain, (size_t)(s - plain));
        if (n == 0)
            text_add(t, "\xef\xbf\xbd");
        else
            add_escape(t, c);
        plain = ++s;
    }
    text_addn(t, plain, (size_t)(s - plain));
    text_addc(t, '"');
}

void json_key(struct json_out *o, const char *name)
{
    CHECK(o->depth > 0 && o->in_object[o->depth] && !o->after_key);
    if (o->comma[o->depth])
        text_addc(o->text, ',');
    o->comma[o->depth] = true;
    add_quoted(o->text, name);
    text_addc(o->text, ':');
    o->after_key = true;
}

void json_add_raw(struct json_out *o, const char *json)
{
    begin_value(o);
    text_add(o->text, json);
}

void json_add_string(struct json_out *o, const char *s)
{
    begin_value(o);
    if (s == NULL)
        text_add(o->text, "null");
    else
        add_quoted(o->text, s);
}

void json_add_bool(struct json_out *o, bool b)
{
    json_add_raw(o, b ? "true" : "false");
}

void json_add_int(struct json_out *o, int64_t n)
{
    begin_value(o);
    text_addf(o->text, "%lld", (long long)n);
}

void json_add_null(struct json_out *o)
{
    json_add_raw(o, "null");
}

void json_add_decimal(struct json_out *o, int64_t nanos)
{
    char buf[DECIMAL_TEXT_MAX];
    json_add_string(o, decimal_format(nanos, buf));
}

void json_add_decimal_number(struct json_out *o, int64_t nanos)
{
    char buf[DECIMAL_TEXT_MAX];
    json_add_raw(o, decimal_format(nanos, buf));
}

void json_add_when(struct json_out *o, int64_t ns)
{
    char buf[WHEN_TEXT_MAX];
    json_add_string(o, when_format(ns, buf));
}

void json_add_day(struct json_out *o, struct day d)
{
    char buf[WHEN_TEXT_MAX];
    json_add_string(o, day_format(d, buf));
}

void json_put_string(struct json_out *o, const char *key, const char *s)
{
    json_key(o, key);
    json_add_string(o, s);
}

void json_put_bool(struct json_out *o, const char *key, bool b)
{
    json_key(o, key);
    json_add_bool(o, b);
}

void json_put_int(struct json_out *o, const char *key, int64_t n)
{
    json_key(o, key);
    json_add_int(o, n);
}

void json_put_null(struct json_out *o, const char *key)
{
    json_key(o, key);
    json_add_null(o);
}

void json_put_decimal(struct json_out *o, const char *key, int64_t nanos)
{
    json_key(o, key);
    json_add_decimal(o, nanos);
}

void json_put_decimal_number(struct json_out *o, const char *key, int64_t nanos)
{
    json_key(o, key);
    json_add_decimal_number(o, nanos);
}

void json_put_when(struct json_out *o, const char *key, int64_t ns)
{
    json_key(o, key);
    json_add_when(o, ns);
}
