// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Open addressing with linear probing; removed slots shift back, so there are no tombstones and no decay.
#include "lib/base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"

struct slot {
    char *key; // NULL = empty
    void *value;
    uint64_t hash;
};

struct map {
    struct slot *slots;
    size_t size, cap; // cap is a power of two
};

static uint64_t hash_of(const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037); // FNV-1a: keys are our own ids and symbols, not an attacker's choice
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return h ^ (h >> 29);
}

struct map *map_new(void)
{
    struct map *m = check_alloc(1, sizeof *m);
    m->cap = 16;
    m->slots = check_alloc(m->cap, sizeof *m->slots);
    return m;
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    free(m);
}

// The slot of key, or the empty one where it belongs.
static size_t find(const struct map *m, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);
    while (m->slots[i].key && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *map_get(const struct map *m, const char *key)
{
    size_t i = find(m, key, hash_of(key));
    return m->slots[i].key ? m->slots[i].value : NULL;
}

static void grow(struct map *m)
{
    struct slot *old = m->slots;
    size_t old_cap = m->cap;
    m->cap *= 2;
    m->slots = check_alloc(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].key)
            m->slots[find(m, old[i].key, old[i].hash)] = old[i];
    free(old);
}

void map_put(struct map *m, const char *key, void *value)
{
    CHECK(value);
    uint64_t hash = hash_of(key);
    size_t i = find(m, key, hash);
    if (m->slots[i].key) {
        m->slots[i].value = value;
        return;
    }
    if ((m->size + 1) * 4 > m->cap * 3) {
        grow(m);
        i = find(m, key, hash);
    }
    m->slots[i] = (struct slot){.key = check_strdup(key), .value = value, .hash = hash};
    m->size++;
}

void *map_remove(struct map *m, const char *key)
{
    size_t i = find(m, key, hash_of(key));
    if (!m->slots[i].key)
        return NULL;
    void *value = m->slots[i].value;
    free(m->slots[i].key);
    m->size--;
    size_t mask = m->cap - 1;
    for (size_t j = (i + 1) & mask; m->slots[j].key; j = (j + 1) & mask) {
        size_t home = (size_t)m->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) { // its probe path passes the hole
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i] = (struct slot){0};
    return value;
}

size_t map_size(const struct map *m)
{
    return m->size;
}

bool map_each(const struct map *m, size_t *cursor, const char **key, void **value)
{
    while (*cursor < m->cap) {
        const struct slot *s = &m->slots[(*cursor)++];
        if (s->key) {
            *key = s->key;
            *value = s->value;
            return true;
        }
    }
    return false;
}
