// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Intent receipts: a copy of what was committed, with its own body, and the body that its order must have.
#include "lib/guard/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "lib/guard/permit_internal.h"

#define RECEIPT_BODY_MAX 4096

struct receipt *receipt_mint(const struct receipt_terms *terms)
{
    CHECK(terms && terms->body);
    struct receipt *r = check_alloc(1, sizeof *r);
    r->terms = *terms;
    r->body = check_alloc(1, terms->body_len + 1);
    memcpy(r->body, terms->body, terms->body_len);
    r->terms.body = r->body;
    text_init(&r->says, RECEIPT_BODY_MAX);
    order_request_write(&r->terms.order, &r->says);
    CHECK(!r->says.overflow); // all its members are bounded
    return r;
}

void receipt_drop(struct receipt **receipt)
{
    if (!receipt || !*receipt)
        return;
    text_free(&(*receipt)->says);
    free((*receipt)->body);
    free(*receipt);
    *receipt = NULL;
}

const struct receipt_terms *receipt_terms(const struct receipt *receipt)
{
    return &receipt->terms;
}
