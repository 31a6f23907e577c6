// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Hash map from string keys to pointers. Keys are copied; values are the caller's (map_free never frees them).
#ifndef PAPERGUARD_BASE_MAP_H
#define PAPERGUARD_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *m);                              // NULL is fine
void *map_get(const struct map *m, const char *key);       // NULL when missing
void map_put(struct map *m, const char *key, void *value); // replaces; value is not NULL
void *map_remove(struct map *m, const char *key);          // the value that was there, or NULL
size_t map_size(const struct map *m);
// Walks in no particular order: start with *cursor = 0; false at the end. The map must not change meanwhile.
bool map_each(const struct map *m, size_t *cursor, const char **key, void **value);

#endif
