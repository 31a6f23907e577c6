// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Keys and endpoints by shape. An endpoint is compared, not interpreted: the few texts that are right are listed, and
// whatever else it is, it is refused.
#include "lib/guard/keyscan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

#define LIVE_TAIL_MIN 16
#define LIVE_TAIL_MAX 30
#define SHOWABLE_MAX 16

static bool upper_or_digit(char ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

static bool word_char(char ch)
{
    return upper_or_digit(ch) || (ch >= 'a' && ch <= 'z');
}

enum fact_key_class keyscan_class(const char *key_id)
{
    if (!key_id || !key_id[0])
        return KEY_MISSING;
    if (str_starts(key_id, "AK"))
        return KEY_LIVE;
    for (const char *p = key_id; *p; p++)
        if (!upper_or_digit(*p))
            return KEY_OTHER; // a line break in a key would become a second header line
    if (str_starts(key_id, "PKSIM"))
        return KEY_SIMULATOR;
    return str_starts(key_id, "PK") && key_id[2] ? KEY_PAPER : KEY_OTHER;
}

static bool part_is(const char *part, size_t len, const char *word)
{
    char copy[8];

    if (len >= sizeof copy)
        return false;
    memcpy(copy, part, len);
    copy[len] = '\0';
    return str_equal_nocase(copy, word);
}

bool keyscan_live_name(const char *name)
{
    bool live = false, secret = false;

    for (const char *p = name; *p;) {
        size_t len = 0;
        while (word_char(p[len]))
            len++;
        live |= part_is(p, len, "LIVE");
        secret |= part_is(p, len, "KEY") || part_is(p, len, "SECRET") || part_is(p, len, "TOKEN");
        p += len;
        if (*p)
            p++;
    }
    return live && secret;
}

static bool live_word(const char *word, size_t len)
{
    if (len < 2 + LIVE_TAIL_MIN || len > 2 + LIVE_TAIL_MAX || word[0] != 'A' || word[1] != 'K')
        return false;
    for (size_t i = 2; i < len; i++)
        if (!upper_or_digit(word[i]))
            return false;
    return true;
}

bool keyscan_live_value(const char *name, const char *value, size_t len, bool *aws_note)
{
    const bool aws = name && str_starts(name, "AWS_");
    bool noted = false, found = false;

    for (size_t at = 0; at < len && !found;) {
        size_t end = at;
        while (end < len && word_char(value[end]))
            end++;
        if (live_word(value + at, end - at)) {
            if (aws && memcmp(value + at, "AKIA", 4) == 0)
                noted = true;
            else
                found = true;
        }
        at = end + 1;
    }
    if (aws_note)
        *aws_note = noted;
    return found;
}

static void say(char detail[FACT_TEXT_MAX], const char *format, ...) PRINTF_LIKE(2, 3);
static void say(char detail[FACT_TEXT_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(detail, FACT_TEXT_MAX, format, args);
    va_end(args);
}

bool keyscan_showable(const char *value)
{
    const enum fact_key_class class = keyscan_class(value);

    return strlen(value) <= SHOWABLE_MAX && (class == KEY_OTHER || class == KEY_MISSING);
}

// What was found, fit for a log: nothing that could be a password, no odd characters, not long.
static const char *shown(const char *url, char out[64])
{
    if (strpbrk(url, "@?#")) {
        str_copy_cut(out, 64, "(an address with user info, query or fragment)");
        return out;
    }
    size_t n = 0;
    for (; n < 60 && url[n]; n++)
        out[n] = url[n] > ' ' && url[n] < 127 ? url[n] : '?';
    out[n] = '\0';
    return out;
}

// "", "/", "/v2", "/v2/": what may follow the host.
static bool tail_ok(const char *tail)
{
    return str_equal(tail, "") || str_equal(tail, "/") || str_equal(tail, "/v2") || str_equal(tail, "/v2/");
}

bool keyscan_loopback_host(const char *host)
{
    return str_equal(host, "127.0.0.1") || str_equal(host, "::1") || str_equal(host, "localhost");
}

static bool simulator_parse(const char *url, char host[128], int *port)
{
    static const struct {
        const char *prefix, *host;
    } starts[] = {{"http://127.0.0.1:", "127.0.0.1"}, {"http://[::1]:", "::1"}, {"http://localhost:", "localhost"}};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        char digits[8];
        int64_t number;

        if (!str_starts(url, starts[i].prefix))
            continue;
        const char *p = url + strlen(starts[i].prefix);
        const size_t n = strspn(p, "0123456789");
        if (n == 0 || n > 5 || p[0] == '0' || !tail_ok(p + n))
            return false;
        memcpy(digits, p, n);
        digits[n] = '\0';
        if (!str_int64(digits, 1, 65535, &number))
            return false;
        str_copy_cut(host, 128, starts[i].host);
        *port = (int)number;
        return true;
    }
    return false;
}

enum fact_endpoint keyscan_endpoint(const char *url, bool simulator_allowed, char scheme[8], char host[128], int *port,
                                    char detail[FACT_TEXT_MAX])
{
    static const char paper[] = "https://" PAPER_TRADING_HOST;
    char seen[64];

    if (str_starts(url, paper) && tail_ok(url + strlen(paper))) {
        str_copy_cut(scheme, 8, "https");
        str_copy_cut(host, 128, PAPER_TRADING_HOST);
        *port = PAPER_PORT;
        say(detail, "%s", paper);
        return ENDPOINT_PAPER;
    }
    if (simulator_allowed && simulator_parse(url, host, port)) {
        str_copy_cut(scheme, 8, "http");
        say(detail, "SIMULATOR %s", shown(url, seen));
        return ENDPOINT_SIMULATOR;
    }
    if (str_starts(url, "https://api.alpaca.markets"))
        say(detail, "%s is Alpaca's LIVE host; the endpoint must be %s", shown(url, seen), paper);
    else
        say(detail, "found %s; the endpoint must be exactly %s%s", shown(url, seen), paper,
            simulator_allowed ? ", or http://127.0.0.1:PORT for the simulator" : "");
    return ENDPOINT_REFUSED;
}

bool keyscan_data_endpoint(const char *url, char detail[FACT_TEXT_MAX])
{
    static const char data[] = "https://" PAPER_DATA_HOST;
    char seen[64];

    if (str_starts(url, data) && tail_ok(url + strlen(data))) {
        say(detail, "%s", data);
        return true;
    }
    say(detail, "found %s; the data endpoint must be exactly %s", shown(url, seen), data);
    return false;
}
