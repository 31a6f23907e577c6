// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One value at a time: text to member and back, by type.
#include <stdlib.h>
#include <string.h>

#include "daemon/config_internal.h"

static int expected(struct err *err, const char *value, const char *what)
{
    return err_set(err, "found \"%.*s\", expected %s", str_quoted(value), value, what);
}

static int parse_bool(const char *value, bool *out, struct err *err)
{
    if (!str_equal(value, "true") && !str_equal(value, "false"))
        return expected(err, value, "true or false, in lower case");
    *out = str_equal(value, "true");
    return 0;
}

struct suffix {
    const char *text;
    int64_t factor;
};

// Whole number and unit within bounds; bounds are in the smallest unit.
static int parse_scaled(const char *value, const struct suffix *units, size_t unit_count, const char *what,
                        const char *min, const char *max, int64_t *out, struct err *err)
{
    const size_t digits = strspn(value, "0123456789");
    char number[24];
    int64_t n, low, high;
    const struct suffix *unit = NULL;

    for (size_t i = 0; i < unit_count; i++)
        if (str_equal(value + digits, units[i].text))
            unit = &units[i];
    if (digits == 0 || digits >= sizeof number || !unit)
        return expected(err, value, what);
    memcpy(number, value, digits);
    number[digits] = '\0';
    CHECK(str_int64(min, 0, INT64_MAX, &low) && str_int64(max, 0, INT64_MAX, &high));
    if (!str_int64(number, 0, INT64_MAX, &n) || __builtin_mul_overflow(n, unit->factor, &n) || n < low || n > high)
        return err_set(err, "found \"%.*s\", expected %s, from %s to %s%s", str_quoted(value), value, what, min, max,
                       units[0].text[0] ? units[0].text : " bytes");
    *out = n;
    return 0;
}

static int parse_duration(const char *value, const char *min, const char *max, int64_t *out, struct err *err)
{
    static const struct suffix units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

    return parse_scaled(value, units, ARRAY_LEN(units), "a whole number with its unit, such as 500ms, 10s, 20m or 2h",
                        min, max, out, err);
}

static int parse_bytes(const char *value, const char *min, const char *max, int64_t *out, struct err *err)
{
    static const struct suffix units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};

    return parse_scaled(value, units, ARRAY_LEN(units), "bytes, such as 1048576, 512K, 64M or 1G", min, max, out, err);
}

static int parse_int(const char *value, const char *min, const char *max, int64_t *out, struct err *err)
{
    int64_t low, high, n;

    CHECK(str_int64(min, INT64_MIN, INT64_MAX, &low) && str_int64(max, INT64_MIN, INT64_MAX, &high));
    if (!str_int64(value, low, high, &n))
        return err_set(err, "found \"%.*s\", expected a whole number from %s to %s", str_quoted(value), value, min,
                       max);
    *out = n;
    return 0;
}

static int parse_decimal(const char *value, const char *min, const char *max, int64_t *out, struct err *err)
{
    int64_t low, high, n;

    CHECK(decimal_parse(min, strlen(min), DECIMAL_EXACT, &low) == DECIMAL_OK);
    CHECK(decimal_parse(max, strlen(max), DECIMAL_EXACT, &high) == DECIMAL_OK);
    if (decimal_parse(value, strlen(value), DECIMAL_EXACT, &n) != DECIMAL_OK || n < low || n > high)
        return err_set(err, "found \"%.*s\", expected a decimal such as 0.25, from %s to %s%s", str_quoted(value),
                       value, min, max, strchr(value, '%') ? "; write 25% as 0.25" : "");
    *out = n;
    return 0;
}

static int parse_path(const char *value, char **out, struct err *err)
{
    if (value[0] && value[0] != '/')
        return expected(err, value, "an absolute path");
    free(*out);
    *out = check_strdup(value);
    return 0;
}

static int parse_words(const char *value, struct config_words *out, struct err *err)
{
    struct config_words words = {.count = 0};

    for (const char *p = value; *p;) {
        const size_t len = strcspn(p, " \t");
        if (len && words.count == CONFIG_WORDS_MAX) {
            option_value_free(OPTION_WORDS, &words);
            return err_set(err, "more than %d words", CONFIG_WORDS_MAX);
        }
        if (len)
            words.words[words.count++] = check_strndup(p, len);
        p += len + (p[len] != '\0');
    }
    for (size_t i = 0; i < words.count; i++) {
        bool bad = strchr(words.words[i], ',') != NULL;
        for (size_t j = 0; j < i; j++)
            bad |= str_equal(words.words[i], words.words[j]);
        if (bad) {
            err_set(err, "found \"%.60s\", expected words separated by blanks, without commas and each once",
                    words.words[i]);
            option_value_free(OPTION_WORDS, &words);
            return -1;
        }
    }
    option_value_free(OPTION_WORDS, out);
    *out = words;
    return 0;
}

int option_value_parse(enum option_type type, const char *min, const char *max, const char *value, void *member,
                       struct err *err)
{
    switch (type) {
    case OPTION_STRING:
        free(*(char **)member);
        *(char **)member = check_strdup(value);
        return 0;
    case OPTION_PATH:
        return parse_path(value, member, err);
    case OPTION_BOOL:
        return parse_bool(value, member, err);
    case OPTION_INT:
        return parse_int(value, min, max, member, err);
    case OPTION_DURATION_MS:
        return parse_duration(value, min, max, member, err);
    case OPTION_BYTES:
        return parse_bytes(value, min, max, member, err);
    case OPTION_MONEY:
        return parse_decimal(value, min, max, &((struct money *)member)->nanos, err);
    case OPTION_QTY:
        return parse_decimal(value, min, max, &((struct qty *)member)->nanos, err);
    case OPTION_RATIO:
        return parse_decimal(value, min, max, &((struct ratio *)member)->nanos, err);
    case OPTION_WORDS:
        return parse_words(value, member, err);
    }
    CHECK(false);
    return -1;
}

void option_value_free(enum option_type type, void *member)
{
    struct config_words *words = member;

    switch (type) {
    case OPTION_STRING:
    case OPTION_PATH:
        free(*(char **)member);
        *(char **)member = NULL;
        break;
    case OPTION_WORDS:
        for (size_t i = 0; i < words->count; i++)
            free(words->words[i]);
        memset(words, 0, sizeof *words);
        break;
    default:
        break;
    }
}

static void write_duration(int64_t ms, struct text *out)
{
    if (ms && ms % 3600000 == 0)
        text_addf(out, "%lldh", (long long)(ms / 3600000));
    else if (ms && ms % 60000 == 0)
        text_addf(out, "%lldm", (long long)(ms / 60000));
    else if (ms % 1000 == 0)
        text_addf(out, "%llds", (long long)(ms / 1000));
    else
        text_addf(out, "%lldms", (long long)ms);
}

const char *url_secret_end(const char *value)
{
    const char *scheme = strstr(value, "://"), *at = scheme ? strrchr(scheme, '@') : NULL;

    if (!at)
        return NULL;
    const bool path = scheme[3] == '/' && !memchr(scheme + 3, ':', (size_t)(at - scheme - 3));
    return path ? NULL : at;
}

// A password within a URL stays out of dumps.
static void write_string(const char *s, struct text *out)
{
    const char *at = url_secret_end(s);

    if (at) {
        text_addn(out, s, (size_t)(strstr(s, "://") + 3 - s));
        text_add(out, "…");
    }
    text_add(out, at ? at : s);
}

void option_value_write(enum option_type type, const void *member, struct text *out)
{
    const struct config_words *words = member;
    char number[DECIMAL_TEXT_MAX];

    switch (type) {
    case OPTION_STRING:
    case OPTION_PATH:
        write_string(*(char *const *)member, out);
        break;
    case OPTION_BOOL:
        text_add(out, *(const bool *)member ? "true" : "false");
        break;
    case OPTION_INT:
    case OPTION_BYTES:
        text_addf(out, "%lld", (long long)*(const int64_t *)member);
        break;
    case OPTION_DURATION_MS:
        write_duration(*(const int64_t *)member, out);
        break;
    case OPTION_MONEY:
        text_add(out, decimal_format(((const struct money *)member)->nanos, number));
        break;
    case OPTION_QTY:
        text_add(out, decimal_format(((const struct qty *)member)->nanos, number));
        break;
    case OPTION_RATIO:
        text_add(out, decimal_format(((const struct ratio *)member)->nanos, number));
        break;
    case OPTION_WORDS:
        for (size_t i = 0; i < words->count; i++)
            text_addf(out, "%s%s", i ? " " : "", words->words[i]);
        break;
    }
}

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_STRING] = "text",   [OPTION_PATH] = "path",   [OPTION_BOOL] = "true | false",
        [OPTION_INT] = "number",    [OPTION_BYTES] = "bytes", [OPTION_DURATION_MS] = "duration",
        [OPTION_MONEY] = "dollars", [OPTION_QTY] = "shares",  [OPTION_RATIO] = "share",
        [OPTION_WORDS] = "words",
    };
    return names[type];
}
