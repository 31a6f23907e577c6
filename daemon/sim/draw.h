// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Draws of the simulated exchange: pure functions of the seed and of what the draw is for (an order's number, a bar),
// never of the time or of how many draws came before. The same seed therefore gives the same fills whatever else
// happens.
#ifndef PAPERGUARD_SIM_DRAW_H
#define PAPERGUARD_SIM_DRAW_H

#include <stdint.h>
#include <stdio.h>

#define DRAW_UUID_MAX 37

// SplitMix64's finaliser: a bijection that spreads every input bit.
static inline uint64_t draw_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
static inline uint64_t draw3(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    return draw_mix(draw_mix(draw_mix(draw_mix(seed) ^ a) ^ b) ^ c);
}
// Uniform in [0, n).
static inline int64_t draw_below(uint64_t draw, int64_t n)
{
    return (int64_t)(((unsigned __int128)draw * (unsigned __int128)(uint64_t)n) >> 64);
}
static inline uint64_t draw_text(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *s != '\0'; s++)
        h = (h ^ (uint64_t)(unsigned char)*s) * UINT64_C(0x100000001b3);
    return draw_mix(h);
}
// A UUID in the layout of version 4, lower case with dashes.
static inline void draw_uuid(uint64_t seed, uint64_t kind, uint64_t number, char out[DRAW_UUID_MAX])
{
    uint64_t hi = draw3(seed, kind, number, 1), lo = draw3(seed, kind, number, 2);
    snprintf(out, DRAW_UUID_MAX, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(hi >> 32), (unsigned)(hi >> 16) & 0xffffu,
             (unsigned)hi & 0xfffu, 0x8000u | ((unsigned)(lo >> 48) & 0x3fffu),
             (unsigned long long)(lo & UINT64_C(0xffffffffffff)));
}

#endif
