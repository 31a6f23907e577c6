// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard-keeper: the main process of paperguard-strategy@.service. Its stdin is the socket on which paperguardd
// asked for a strategy; it becomes that strategy's keeper and ends when nothing of it is left.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "lib/io/child_service.h"

int main(int argc, char **argv)
{
    struct err err = {.text = ""};
    struct stat st;
    const char *state = getenv("STATE_DIRECTORY");
    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr,
                "usage: paperguard-keeper\n\n"
                "Started by paperguard-strategy.socket with a connection of paperguardd as its standard input.\n"
                "STATE_DIRECTORY is where strategies have their folders.\n");
        return help ? EX_OK : EX_USAGE;
    }
    if (!state || state[0] != '/' || fstat(0, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr, "paperguard-keeper: %s; it is started by paperguard-strategy.socket\n",
                state ? "standard input is no socket" : "STATE_DIRECTORY is not set");
        return EX_USAGE;
    }
    child_service_serve(0, state, &err);
    fprintf(stderr, "paperguard-keeper: %s\n", err.text);
    return EX_PROTOCOL;
}
