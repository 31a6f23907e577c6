// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A rehearsal is a program of its own, which takes this one's place: the daemon's code on a simulated outside.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

#define ARGS_MAX 24

// Beside this program in the tree, among the helpers when installed.
static int find_helper(char out[CTL_PATH_MAX])
{
    static const char *const places[] = {"/paperguard-rehearse", "/../libexec/paperguard/paperguard-rehearse"};
    char self[CTL_PATH_MAX - 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    if (strrchr(self, '/'))
        *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(out, CTL_PATH_MAX, "%s%s", self, places[i]);
        if (access(out, X_OK) == 0)
            return EX_OK;
    }
    fprintf(stderr, "paperguard: %s: %s\n", out, strerror(errno));
    return EX_UNAVAILABLE;
}

int ctl_rehearse(struct ctl *c)
{
    const struct ctl_options *o = &c->options;
    const struct {
        const char *name, *value;
    } given[] = {{"--config", o->config_after_verb ? o->config : NULL},
                 {"--prices", o->prices},
                 {"--from", o->from},
                 {"--to", o->to},
                 {"--seed", o->seed},
                 {"--capital", o->capital},
                 {"--database", o->database},
                 {"--dump", o->dump}};
    char helper[CTL_PATH_MAX];
    const char *argv[ARGS_MAX] = {"paperguard-rehearse"};
    size_t n = 1;
    if (find_helper(helper) != EX_OK)
        return EX_UNAVAILABLE;
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        if (given[i].value) {
            argv[n++] = given[i].name;
            argv[n++] = given[i].value;
        }
    if (o->json)
        argv[n++] = "--json";
    fflush(stdout);
    execve(helper, (char *const *)(uintptr_t)argv, c->envp);
    fprintf(stderr, "paperguard: %s: %s\n", helper, strerror(errno));
    return EX_UNAVAILABLE;
}
