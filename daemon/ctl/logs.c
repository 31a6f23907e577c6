// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The journal of one run: journalctl takes this program's place, with the run as a match.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

#define JOURNAL "/run/systemd/journal/socket"

int ctl_logs(struct ctl *c)
{
    char id[64] = "", match[80];
    const char *argv[8];
    size_t n = 0;
    int code = c->options.run ? ctl_run_id(c, c->options.run, id) : EX_OK;
    if (code != EX_OK)
        return code;
    snprintf(match, sizeof match, "RUN_ID=%s", id);
    argv[n++] = "journalctl";
    if (c->options.json)
        argv[n++] = "--output=json";
    if (c->options.follow)
        argv[n++] = "--follow";
    else if (!isatty(STDOUT_FILENO))
        argv[n++] = "--no-pager";
    argv[n++] = c->options.run ? match : "SYSLOG_IDENTIFIER=paperguardd";
    argv[n] = NULL;
    if (access(JOURNAL, F_OK) != 0) {
        fprintf(stderr, "paperguard: there is no journal on this host; the daemon logs to its standard error%s%s\n",
                c->options.run ? ", and each line of the run has " : "", c->options.run ? match : "");
        return EX_UNAVAILABLE;
    }
    fflush(stdout);
    execvp("journalctl", (char *const *)(uintptr_t)argv);
    fprintf(stderr, "paperguard: journalctl cannot be run: %s\n", strerror(errno));
    return EX_UNAVAILABLE;
}
