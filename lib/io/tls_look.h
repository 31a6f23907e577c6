// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a standing TLS connection really is: asked of the connection itself, whoever set it up and whatever was meant.
#ifndef PAPERGUARD_IO_TLS_LOOK_H
#define PAPERGUARD_IO_TLS_LOOK_H

#include "lib/base/tls_state.h"

// ssl: libssl's connection, after the handshake; NULL: not known. host: a name or a numeric address.
struct tls_state tls_look(const void *ssl, const char *host);

#endif
