// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A verb in two steps: asked for, it is answered with what it would do and a token; it is done when the same is sent
// again with the token and a reason. A verb has one struct admin_token, and is served so:
//
//     step = admin_step_read(x, MORE, REQUIRED, &body);   ADMIN_STEP_NONE: it was answered
//     read the wish and write `subject`: all of it, and all that was shown and must not have changed since
//     ADMIN_STEP_ASK:      answer what would be done, and admin_step_put_token(&o, &token, subject)
//     ADMIN_STEP_CONFIRM:  if (admin_step_confirmed(&token, x, subject, body.code, "for this order")) do it
#ifndef PAPERGUARD_DAEMON_ADMIN_STEPS_H
#define PAPERGUARD_DAEMON_ADMIN_STEPS_H

#include "daemon/api_internal.h"

#define ADMIN_TOKEN_VALID_S 120
#define ADMIN_SUBJECT_MAX CLIENT_ORDER_ID_MAX

struct admin_token { // the last one that was given out
    char token[17], subject[ADMIN_SUBJECT_MAX];
    int64_t until_boot_ns;
};

enum admin_step { ADMIN_STEP_NONE, ADMIN_STEP_ASK, ADMIN_STEP_CONFIRM };

// The body: `code` and `reason`, both or neither, with `more` members (API_BODY_*), of which `required` must be there.
enum admin_step admin_step_read(struct http_exchange *x, unsigned more, unsigned required,
                                struct api_body *body) MUST_CHECK;
// Members `code`, a new token for this subject alone that takes the place of the one before, and `valid_seconds`.
// NULL: there is nothing to confirm.
void admin_step_put_token(struct json_out *o, struct admin_token *t, const char *subject);
// Does the code confirm this subject? It is worth one try. Else the exchange was answered: 409, and what the token is
// not for ("for this order").
bool admin_step_confirmed(struct admin_token *t, struct http_exchange *x, const char *subject, const char *code,
                          const char *what) MUST_CHECK;

#endif
