// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The door to jansson's parser. jansson turns numbers into doubles, so a lexing pass of our own first copies the input
// and writes every number as a string that starts with an escaped NUL ("\u0000123.45"); real NULs are refused in the
// same pass, so the mark is unique and the number keeps its text. The pass also holds the bounds of depth and of number
// length.
#include "lib/base/json_read.h"

#include <stdlib.h>
#include <string.h>

// jansson declares a constructor of this name, which is not used here.
#define json_string jansson_string_constructor
#include <jansson.h>
#undef json_string

#include "lib/base/text.h"

#define NUMBER_MARK "\"\\u0000"
#define NUMBER_MARK_LEN 7

struct json_doc {
    json_t *root;
};

struct lexer {
    const char *start, *at, *end;
    const char *plain; // start of what is not copied yet
    unsigned depth;
    struct text out;
    struct err *err;
};

static int refuse_at(struct err *err, const char *start, const char *at, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *p = start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) { // counts characters, not bytes
            column++;
        }
    }
    return err_set(err, "JSON line %zu column %zu: %s", line, column, what);
}

static int refuse(struct lexer *x, const char *what)
{
    return refuse_at(x->err, x->start, x->at, what);
}

static bool at_digit(const struct lexer *x)
{
    return x->at < x->end && *x->at >= '0' && *x->at <= '9';
}

static bool at_char(const struct lexer *x, char c)
{
    return x->at < x->end && *x->at == c;
}

static bool skip_digits(struct lexer *x)
{
    const char *from = x->at;
    while (at_digit(x))
        x->at++;
    return x->at > from;
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and then something that ends a value.
static bool skip_number(struct lexer *x)
{
    if (at_char(x, '-'))
        x->at++;
    if (at_char(x, '0'))
        x->at++;
    else if (!skip_digits(x))
        return false;
    if (at_char(x, '.')) {
        x->at++;
        if (!skip_digits(x))
            return false;
    }
    if (at_char(x, 'e') || at_char(x, 'E')) {
        x->at++;
        if (at_char(x, '+') || at_char(x, '-'))
            x->at++;
        if (!skip_digits(x))
            return false;
    }
    return x->at == x->end || memchr(" \t\r\n,]}:", *x->at, 8) != NULL;
}

static void copy_plain(struct lexer *x)
{
    text_addn(&x->out, x->plain, (size_t)(x->at - x->plain));
    x->plain = x->at;
}

static int lex_number(struct lexer *x)
{
    copy_plain(x);
    const char *number = x->at;
    if (!skip_number(x)) {
        x->at = number;
        return refuse(x, "malformed number");
    }
    size_t len = (size_t)(x->at - number);
    x->plain = x->at;
    const char *next = x->at;
    while (next < x->end && memchr(" \t\r\n", *next, 4) != NULL)
        next++;
    x->at = number;
    if (next < x->end && *next == ':')
        return refuse(x, "found a number as the name of a member, expected a string");
    if (len > JSON_NUMBER_MAX)
        return refuse(x, "number of more than 64 characters");
    x->at = x->plain;
    text_add(&x->out, NUMBER_MARK);
    text_addn(&x->out, number, len);
    text_addc(&x->out, '"');
    return 0;
}

// Only what matters to the mark is looked at; everything else about strings is jansson's to judge.
static int lex_string(struct lexer *x)
{
    for (x->at++; x->at < x->end && *x->at != '"'; x->at++) {
        if (*x->at == '\0')
            return refuse(x, "NUL byte in a string");
        if (*x->at != '\\')
            continue;
        if (x->end - x->at >= 6 && memcmp(x->at, "\\u0000", 6) == 0)
            return refuse(x, "\\u0000 in a string");
        if (++x->at == x->end)
            break;
    }
    if (x->at == x->end)
        return refuse(x, "the text ends within a string");
    x->at++;
    return 0;
}

static int lex(struct lexer *x)
{
    while (x->at < x->end) {
        char c = *x->at;
        if (c == '"') {
            if (lex_string(x) != 0)
                return -1;
            continue;
        }
        if (c == '-' || at_digit(x)) {
            if (lex_number(x) != 0)
                return -1;
            continue;
        }
        if (c == '\0')
            return refuse(x, "NUL byte");
        if ((c == '[' || c == '{') && ++x->depth > JSON_DEPTH_MAX)
            return refuse(x, "nested deeper than 32 levels");
        if ((c == ']' || c == '}') && x->depth > 0)
            x->depth--;
        x->at++;
    }
    copy_plain(x);
    return 0;
}

// The place in the input that belongs to a place in the marked copy.
static const char *input_at(const struct lexer *x, size_t position)
{
    const char *copy = text_str(&x->out), *stop = copy + (position < x->out.len ? position : x->out.len);
    const char *input = x->start;
    while (copy < stop) {
        if (!str_starts(copy, NUMBER_MARK)) {
            copy++;
            input++;
            continue;
        }
        for (copy += NUMBER_MARK_LEN; *copy != '"'; copy++)
            input++;
        copy++;
    }
    return input < x->end ? input : x->end;
}

static int refuse_parse(struct lexer *x, json_error_t *e)
{
    // jansson quotes the token it stopped at: that may be a mark of ours or somebody's secret, and the place says
    // enough.
    char *near = strstr(e->text, " near '");
    if (near != NULL)
        *near = '\0';
    return refuse_at(x->err, x->start, input_at(x, e->position < 0 ? 0 : (size_t)e->position), e->text);
}

int json_doc_parse(const char *text, size_t len, struct json_doc **out, struct err *err)
{
    // Each number, at least one byte and one before it, grows by eight bytes.
    CHECK(len < SIZE_MAX / 64);
    struct lexer x = {.start = text, .at = text, .end = text + len, .plain = text, .err = err};
    text_init(&x.out, 5 * len + 16);
    json_t *root = NULL;
    if (lex(&x) == 0) {
        CHECK(!x.out.overflow);
        json_error_t e;
        root = json_loadb(text_str(&x.out), x.out.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &e);
        if (root == NULL)
            (void)refuse_parse(&x, &e);
    }
    text_wipe_free(&x.out); // a body may hold a secret
    if (root == NULL)
        return -1;
    struct json_doc *doc = check_alloc(1, sizeof *doc);
    doc->root = root;
    *out = doc;
    return 0;
}

void json_doc_free(struct json_doc *doc)
{
    if (doc == NULL)
        return;
    json_decref(doc->root);
    free(doc);
}

static const struct json_node *node_of(const json_t *j)
{
    return (const struct json_node *)(const void *)j;
}

static const json_t *inner(const struct json_node *n)
{
    return (const json_t *)(const void *)n;
}

const struct json_node *json_doc_root(const struct json_doc *doc)
{
    return node_of(doc->root);
}

static bool is_number(const json_t *j)
{
    return json_is_string(j) && json_string_length(j) > 0 && json_string_value(j)[0] == '\0';
}

enum json_type json_type_of(const struct json_node *n)
{
    const json_t *j = inner(n);
    if (j == NULL)
        return JSON_IS_NULL;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return JSON_IS_OBJECT;
    case JSON_ARRAY:
        return JSON_IS_ARRAY;
    case JSON_STRING:
        return is_number(j) ? JSON_IS_NUMBER : JSON_IS_STRING;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_IS_BOOL;
    case JSON_NULL:
        return JSON_IS_NULL;
    case JSON_INTEGER:
    case JSON_REAL:
        break; // every number is a marked string
    }
    check_failed("no number reaches jansson", __FILE__, __LINE__, __func__);
}

const char *json_type_name(enum json_type t)
{
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
    return (unsigned)t < ARRAY_LEN(names) ? names[t] : "unknown";
}

size_t json_size(const struct json_node *n)
{
    const json_t *j = inner(n);
    return json_is_array(j) ? json_array_size(j) : json_object_size(j);
}

const struct json_node *json_at(const struct json_node *array, size_t index)
{
    return node_of(json_array_get(inner(array), index));
}

const struct json_node *json_get(const struct json_node *object, const char *name)
{
    return node_of(json_object_get(inner(object), name));
}

bool json_each(const struct json_node *object, void **cursor, const char **name, const struct json_node **value)
{
    // The iterator's interface is not const, but walking changes nothing.
    json_t *j = (json_t *)(uintptr_t)object;
    *cursor = *cursor == NULL ? json_object_iter(j) : json_object_iter_next(j, *cursor);
    if (*cursor == NULL)
        return false;
    *name = json_object_iter_key(*cursor);
    *value = node_of(json_object_iter_value(*cursor));
    return true;
}

const char *json_string(const struct json_node *n)
{
    const json_t *j = inner(n);
    return json_is_string(j) && !is_number(j) ? json_string_value(j) : NULL;
}

const char *json_number_text(const struct json_node *n)
{
    const json_t *j = inner(n);
    return is_number(j) ? json_string_value(j) + 1 : NULL;
}

bool json_bool(const struct json_node *n, bool *out)
{
    const json_t *j = inner(n);
    if (!json_is_boolean(j))
        return false;
    *out = json_is_true(j);
    return true;
}

bool json_int64(const struct json_node *n, int64_t *out)
{
    return str_int64(json_number_text(n), INT64_MIN, INT64_MAX, out);
}

enum decimal_result json_decimal(const struct json_node *n, enum decimal_mode mode, int64_t *nanos)
{
    const char *s = json_number_text(n);
    if (s == NULL)
        s = json_string(n);
    return s == NULL ? DECIMAL_MALFORMED : decimal_parse(s, strlen(s), mode, nanos);
}
