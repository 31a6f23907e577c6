// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which addresses a connection may end at. A paper host that resolves to a private or loopback address is a forwarder,
// a captive network or an attack; a simulator anywhere but on this host is not a simulator.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/guard/guard.h"

struct block4 {
    uint32_t base;
    unsigned bits;
};

// Everything IANA lists as not globally reachable, multicast and reserved included.
static const struct block4 not_public4[] = {
    {0x00000000, 8},  // this network
    {0x0A000000, 8},  // private
    {0x64400000, 10}, // carrier-grade NAT
    {0x7F000000, 8},  // loopback
    {0xA9FE0000, 16}, // link-local
    {0xAC100000, 12}, // private
    {0xC0000000, 24}, // protocol assignments
    {0xC0000200, 24}, // documentation
    {0xC0586300, 24}, // 6to4 relays
    {0xC0A80000, 16}, // private
    {0xC6120000, 15}, // benchmarks
    {0xC6336400, 24}, // documentation
    {0xCB007100, 24}, // documentation
    {0xE0000000, 4},  // multicast
    {0xF0000000, 4},  // reserved, broadcast
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(not_public4); i++)
        if ((address ^ not_public4[i].base) >> (32 - not_public4[i].bits) == 0)
            return false;
    return true;
}

static bool prefix6(const uint8_t a[16], const uint8_t *base, unsigned bits)
{
    const unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, base, whole) != 0)
        return false;
    return rest == 0 || (a[whole] >> (8 - rest)) == (base[whole] >> (8 - rest));
}

static bool public6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const struct {
        uint8_t base[4];
        unsigned bits;
    } not_public6[] = {
        {{0x20, 0x01, 0x00, 0x00}, 23}, // protocol assignments, Teredo, benchmarks
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
        {{0x20, 0x02, 0x00, 0x00}, 16}, // 6to4, which hides a v4 address
        {{0x3f, 0xff, 0x00, 0x00}, 20}, // documentation
    };
    uint32_t tail;

    memcpy(&tail, a + 12, sizeof tail);
    if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, nat64, sizeof nat64) == 0)
        return public4(ntohl(tail));
    if ((a[0] & 0xe0) != 0x20) // only 2000::/3 is global unicast
        return false;
    for (size_t i = 0; i < ARRAY_LEN(not_public6); i++)
        if (prefix6(a, not_public6[i].base, not_public6[i].bits))
            return false;
    return true;
}

bool guard_peer_allowed(const struct guard_facts *f, const struct sockaddr *peer)
{
    const bool paper = f->endpoint == ENDPOINT_PAPER, simulator = f->endpoint == ENDPOINT_SIMULATOR;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (!peer || (!paper && !simulator))
        return false;
    if (peer->sa_family == AF_INET) {
        memcpy(&v4, peer, sizeof v4);
        const uint32_t address = ntohl(v4.sin_addr.s_addr);
        return paper ? public4(address) : address >> 24 == 127;
    }
    if (peer->sa_family == AF_INET6) {
        memcpy(&v6, peer, sizeof v6);
        return paper ? public6(v6.sin6_addr.s6_addr) : IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return false;
}

bool guard_peer_text_allowed(const struct guard_facts *f, const char *peer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, peer, &v4.sin_addr) == 1)
        return guard_peer_allowed(f, (const struct sockaddr *)&v4);
    return inet_pton(AF_INET6, peer, &v6.sin6_addr) == 1 && guard_peer_allowed(f, (const struct sockaddr *)&v6);
}
