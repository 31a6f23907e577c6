// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The two steps of a verb: reading which one it is, giving out its token, and taking it back once.
#include "daemon/admin_steps.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/io/clock.h"

enum admin_step admin_step_read(struct http_exchange *x, unsigned more, unsigned required, struct api_body *body)
{
    unsigned both = API_BODY_CODE | API_BODY_REASON;
    if (!api_body_read(x, both | more, required, body))
        return ADMIN_STEP_NONE;
    unsigned has = body->has & both;
    if (has == 0)
        return ADMIN_STEP_ASK;
    if (has == both)
        return ADMIN_STEP_CONFIRM;
    api_reply_problem(x, 400, "confirming needs code and reason; asking needs neither");
    return ADMIN_STEP_NONE;
}

static const char *token_make(struct admin_token *t, const char *subject)
{
    uint8_t bytes[8];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(t->token + 2 * i, 3, "%02x", bytes[i]);
    CHECK(strlen(subject) < sizeof t->subject); // a subject that is cut would fit another one
    str_copy_cut(t->subject, sizeof t->subject, subject);
    t->until_boot_ns = clock_boot_ns() + ADMIN_TOKEN_VALID_S * NS_PER_S;
    return t->token;
}

void admin_step_put_token(struct json_out *o, struct admin_token *t, const char *subject)
{
    json_put_string(o, "code", subject ? token_make(t, subject) : NULL);
    json_put_int(o, "valid_seconds", subject ? ADMIN_TOKEN_VALID_S : 0);
}

bool admin_step_confirmed(struct admin_token *t, struct http_exchange *x, const char *subject, const char *code,
                          const char *what)
{
    bool fits = t->token[0] && strcmp(t->token, code) == 0 && strcmp(t->subject, subject) == 0 &&
                clock_boot_ns() < t->until_boot_ns;
    mem_wipe(t, sizeof *t); // one try
    if (!fits)
        api_reply_problem(x, 409, "the token is not the one %s, or older than %d s: ask again", what,
                          ADMIN_TOKEN_VALID_S);
    return fits;
}
