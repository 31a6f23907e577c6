// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Feeds each file named on the command line to a fuzz target, under any compiler. Linked with one fuzz_*.c.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *data = NULL;
    size_t len = 0, cap = 0, got = 0;
    do {
        len += got;
        if (len == cap) {
            cap = cap == 0 ? 4096 : cap * 2;
            uint8_t *more = realloc(data, cap);
            if (more == NULL)
                abort();
            data = more;
        }
        got = fread(data + len, 1, cap - len, f);
    } while (got > 0);
    int failed = ferror(f);
    if (fclose(f) != 0 || failed) {
        perror(path);
        free(data);
        return 1;
    }
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++)
        failed |= replay_file(argv[i]);
    printf("%d inputs replayed\n", argc - 1);
    return failed;
}
