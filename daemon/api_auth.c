// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Who may write over HTTP: whoever has the token, and no web page on their behalf. A wrong token is answered later and
// later; a right one at once, whatever others try, so that nobody can be locked out of a halt.
#include "daemon/api_internal.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/netmask.h"

#define HOLD_FIRST_MS 250
#define HOLD_MAX_MS 4000
#define HELD_MAX 16 // wrong answers held back at a time; further ones are told to come back
#define RETRY_S 5

static bool from_a_web_page(const struct http_exchange *x)
{
    const char *site = http_exchange_header(x, "Sec-Fetch-Site");
    return http_exchange_header(x, "Origin") || (site && strcmp(site, "none") != 0);
}

static bool token_is_right(const struct api *a, const struct http_exchange *x)
{
    static const char bearer[] = "Bearer ";
    const char *value = http_exchange_header(x, "Authorization");
    if (!value || strncasecmp(value, bearer, sizeof bearer - 1) != 0)
        return false;
    value += sizeof bearer - 1;
    struct digest given = digest_of(value, strlen(value));
    return digest_equal(&given, &a->token);
}

static void answer_wrong(struct http_exchange *x)
{
    api_reply_problem(x, 401, "the bearer token is missing or wrong");
}

static void hold_over(void *arg)
{
    struct api_wait *w = arg;
    w->timer = 0;
    w->api->auth_held--;
    answer_wrong(api_wait_end(w));
}

static void hold(struct api *a, struct http_exchange *x)
{
    int64_t delay = HOLD_FIRST_MS;
    for (unsigned i = 1; i < a->auth_failures && delay < HOLD_MAX_MS; i++)
        delay *= 2;
    if (a->auth_held >= HELD_MAX) {
        api_reply_retry(x, 429, RETRY_S, "too many wrong tokens");
        return;
    }
    struct api_wait *w = api_wait_new(a, x);
    if (!w)
        return;
    a->auth_held++;
    w->timer = loop_after_ms(a->p.loop, delay < HOLD_MAX_MS ? delay : HOLD_MAX_MS, hold_over, w);
}

// Before the token is looked at: from elsewhere even the right one does not help.
static bool from_elsewhere(const struct api *a, const struct http_exchange *x)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    const struct config_words *w = a->p.write_from;
    return w ? !netmask_any((const char *const *)w->words, w->count, http_exchange_peer(x))
             : !netmask_any(loopback, ARRAY_LEN(loopback), http_exchange_peer(x));
}

bool api_write_refused(struct api *a, struct http_exchange *x)
{
    if (from_a_web_page(x)) {
        api_reply_problem(x, 403, "requests from web pages are refused");
        return true;
    }
    if (from_elsewhere(a, x)) {
        api_reply_problem(x, 403, "%s may not write here: it is not in [http] write_from", http_exchange_peer(x));
        return true;
    }
    if (!a->has_token) {
        api_reply_problem(x, 403,
                          "nothing can be written here: no token is configured (credential http_token or [http] "
                          "token_file); the paperguard command needs none, on the admin socket");
        return true;
    }
    if (token_is_right(a, x)) {
        a->auth_failures = 0;
        return false;
    }
    a->auth_failures++;
    if ((a->auth_failures & (a->auth_failures - 1)) == 0) // 1, 2, 4, 8, ...: the journal is not theirs to fill
        log_warning("http: wrong token from %s for %s (%u in a row)", http_exchange_peer(x), http_exchange_path(x),
                    a->auth_failures);
    hold(a, x);
    return true;
}
