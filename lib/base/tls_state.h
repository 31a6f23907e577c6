// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a connection's encryption really is, as the transport found it when the connection stood.
#ifndef PAPERGUARD_BASE_TLS_STATE_H
#define PAPERGUARD_BASE_TLS_STATE_H

#include <stdbool.h>

#define TLS_STATE_1_2 0x0303 // the protocol's own number

struct tls_state {
    bool known;      // false: the transport cannot say
    bool used;       // false: plain
    bool chain_good; // the certificate leads to a trusted authority, and the connection would have failed otherwise
    bool host_good;  // the certificate is for the host that was asked for
    int version;     // 0x0303 is TLS 1.2
};

#endif
