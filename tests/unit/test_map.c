// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The map against a plain array model over many random operations.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/map.h"

enum { KEYS = 200, STEPS = 20000 };

static void map_agrees_with_a_model(void **state)
{
    (void)state;
    static size_t present[KEYS];
    static int values[KEYS];
    struct map *m = map_new();
    uint64_t seed = 7;
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        size_t k = (size_t)((seed >> 33) % KEYS);
        char key[32];
        snprintf(key, sizeof key, "key-%zu", k);
        assert_ptr_equal(map_get(m, key), present[k] ? &values[k] : NULL);
        if ((seed >> 20) & 1) {
            map_put(m, key, &values[k]);
            count += 1 - present[k];
            present[k] = 1;
        } else {
            assert_ptr_equal(map_remove(m, key), present[k] ? &values[k] : NULL);
            count -= present[k];
            present[k] = 0;
        }
        assert_int_equal(map_size(m), count);
    }
    size_t cursor = 0, seen = 0;
    const char *key;
    void *value;
    while (map_each(m, &cursor, &key, &value))
        seen++;
    assert_int_equal(seen, count);
    map_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(map_agrees_with_a_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
