// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
#include "lib/base/netmask.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/text.h"

#define V4_BITS 96 // of the prefix that stands for IPv4

static bool address_read(const char *text, uint8_t out[16], bool *v4)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    *v4 = inet_pton(AF_INET, text, out + sizeof prefix) == 1;
    if (!*v4)
        return inet_pton(AF_INET6, text, out) == 1;
    memcpy(out, prefix, sizeof prefix);
    return true;
}

static bool bit_is_set(const uint8_t address[16], unsigned bit)
{
    return address[bit / 8] & (0x80u >> bit % 8);
}

int netmask_parse(const char *text, struct netmask *out, struct err *err)
{
    struct netmask m = {.bits = 128};
    char address[64];
    bool v4;
    int64_t bits;
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof address)
        return err_set(err, "found \"%.60s…\", expected an address or a network, such as 10.20.0.0/16", text);
    str_copy_cut(address, len + 1, text);
    if (!address_read(address, m.address, &v4))
        return err_set(err, "found \"%.60s\", expected an address or a network, such as 127.0.0.1, 10.20.0.0/16 or ::1",
                       text);
    if (slash && !str_int64(slash + 1, 0, v4 ? 32 : 128, &bits))
        return err_set(err, "found \"%.60s\", expected 0 to %d bits after the /", text, v4 ? 32 : 128);
    if (slash)
        m.bits = (unsigned)bits + (v4 ? V4_BITS : 0);
    for (unsigned i = m.bits; i < 128; i++)
        if (bit_is_set(m.address, i))
            return err_set(err, "found \"%.60s\", whose address has bits beyond its mask: write the network's own",
                           text);
    *out = m;
    return 0;
}

bool netmask_covers(const struct netmask *m, const char *address)
{
    uint8_t a[16];
    bool v4;
    if (!address_read(address, a, &v4))
        return false;
    for (unsigned i = 0; i < m->bits; i++)
        if (bit_is_set(a, i) != bit_is_set(m->address, i))
            return false;
    return true;
}

bool netmask_any(const char *const *words, size_t count, const char *address)
{
    struct netmask m;
    struct err err;
    for (size_t i = 0; i < count; i++)
        if (netmask_parse(words[i], &m, &err) == 0 && netmask_covers(&m, address))
            return true;
    return false;
}
