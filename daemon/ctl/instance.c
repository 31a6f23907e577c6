// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which daemon is meant: --socket, --config, --instance NAME (as paperguardd@NAME runs), or the only one.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"

#define CONFIG_FOLDER "/etc/paperguard"
#define RUN_FOLDER "/run"
#define RUN_PREFIX "paperguard-"
#define INSTANCE_MAX 64

// Instances that have a config; the plain one is no instance.
static void configured(struct ctl_names *n)
{
    DIR *d = opendir(CONFIG_FOLDER);
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char name[256];
        str_copy_cut(name, sizeof name, e->d_name);
        if (!str_ends(name, ".conf") || str_equal(name, "paperguard.conf"))
            continue;
        name[strlen(name) - strlen(".conf")] = '\0';
        ctl_names_add(n, name);
    }
    if (d)
        closedir(d);
}

static bool name_good(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= INSTANCE_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

int ctl_instance(struct ctl *c)
{
    const char *name = c->options.instance;
    struct ctl_names n = {0};
    if (!name)
        return EX_OK;
    if (c->options.config) {
        fprintf(stderr, "paperguard: --instance and --config both say where the config is: leave one out\n");
        return EX_USAGE;
    }
    snprintf(c->instance_config, sizeof c->instance_config, CONFIG_FOLDER "/%s.conf", name);
    if (!name_good(name) || (access(c->instance_config, F_OK) != 0 && errno != EACCES)) {
        configured(&n);
        int code = ctl_unknown("instance", name, (const char *const *)n.names, n.count);
        ctl_names_free(&n);
        return code;
    }
    c->options.config = c->instance_config;
    return EX_OK;
}

int ctl_find_socket(struct ctl *c)
{
    char other[INSTANCE_MAX + 64];
    struct config *config;
    struct err err;
    const char *path = c->options.config ? c->options.config : CTL_DEFAULT_CONFIG;
    c->socket = check_strdup(c->options.socket ? c->options.socket : CTL_DEFAULT_SOCKET);
    if (c->options.socket)
        return EX_OK;
    bool read = config_load(path, &config, &err) == 0;
    if (!read && c->options.config && !c->options.instance) { // otherwise operators need not be able to read it
        fprintf(stderr, "paperguard: %s\n", err.text);
        return EX_CONFIG;
    }
    if (!read && !c->options.instance)
        return EX_OK;
    snprintf(other, sizeof other, RUN_FOLDER "/" RUN_PREFIX "%.*s/admin.sock", INSTANCE_MAX,
             c->options.instance ? c->options.instance : "");
    free((char *)(uintptr_t)c->socket);
    c->socket = check_strdup(read ? config->admin_socket : other);
    if (read)
        config_free(config);
    return EX_OK;
}

// Other daemons of this host that have a socket: perhaps one of them was meant.
void ctl_other_instances(FILE *out)
{
    DIR *d = opendir(RUN_FOLDER);
    size_t found = 0;
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[512];
        if (!str_starts(e->d_name, RUN_PREFIX))
            continue;
        snprintf(path, sizeof path, RUN_FOLDER "/%s/admin.sock", e->d_name);
        if (access(path, F_OK) == 0)
            fprintf(out, "%s --instance %s", found++ ? "," : "paperguard: there is:", e->d_name + strlen(RUN_PREFIX));
    }
    if (found)
        fputc('\n', out);
    if (d)
        closedir(d);
}
