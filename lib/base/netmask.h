// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Networks as allow lists name them: an address, or an address and the number of its leading bits that count.
#ifndef PAPERGUARD_BASE_NETMASK_H
#define PAPERGUARD_BASE_NETMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"
#include "lib/base/err.h"

struct netmask {
    uint8_t address[16]; // IPv4 as ::ffff:a.b.c.d
    unsigned bits;       // of these 128
};

// "127.0.0.1", "10.20.0.0/16", "::1", "fd00::/8". Bits beyond the mask must be zero: 10.20.0.1/16 is a mistake, not a
// network. 0 or -1.
int netmask_parse(const char *text, struct netmask *out, struct err *err) MUST_CHECK;
// False also when address is not a numeric address.
bool netmask_covers(const struct netmask *m, const char *address);
// Does one of the words (each a netmask; others count for nothing) cover the address? An empty list covers nothing.
bool netmask_any(const char *const *words, size_t count, const char *address);

#endif
