// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A permit is the right to put exactly one request on the wire, once, within two seconds. Only lib/guard makes and
// redeems them; the struct is defined nowhere else.
#ifndef PAPERGUARD_GUARD_PERMIT_H
#define PAPERGUARD_GUARD_PERMIT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"
#include "lib/base/digest.h"
#include "lib/base/tls_state.h"

#define PERMIT_LIFE_NS (INT64_C(2000000000))

// Everything a permit is bound to; all borrowed.
struct wire_request {
    const char *method, *scheme, *host, *target; // target with its query
    int port;
    const char *body; // NULL for none
    size_t body_len;
    struct digest key_fingerprint;
    // What only the transport knows, at the wire; no permit is bound to it.
    const char *peer; // numeric address of the connected peer
    struct tls_state tls;
};

struct permit;        // for anything but orders
struct cleared_order; // for an order: holds its receipt, its body and its permit

#endif
