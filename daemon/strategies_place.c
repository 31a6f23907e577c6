// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A strategy sees the system's programs, its own program and what the operator names; never the daemon's configuration,
// credentials, state or socket, whoever's user it runs as.
#include "daemon/strategies_place.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"

static const char *const own_users[] = {"paperguard-strategy", "nobody"};

static const struct passwd *find_user(const struct config *config)
{
    const struct passwd *user = NULL;
    if (config->strategy_user[0])
        return getpwnam(config->strategy_user);
    for (size_t i = 0; i < ARRAY_LEN(own_users) && !user; i++)
        user = getpwnam(own_users[i]);
    return user;
}

int strategies_user_find(const struct config *config, bool service, struct strategies_user *out, struct err *err)
{
    const struct passwd *user = service ? getpwnam(own_users[0]) : NULL;
    *out = (struct strategies_user){.uid = user ? user->pw_uid : (uid_t)-1, .gid = user ? user->pw_gid : (gid_t)-1};
    if (service)
        return 0;
    if (geteuid() != 0) {
        if (sandbox_landlock_abi() > 0 || config->strategy_count == 0)
            return 0;
        return err_set(err, "this kernel has no Landlock (or the service's system call filter refuses it), so a "
                            "strategy of the daemon's own user could read the daemon's files: boot with "
                            "lsm=landlock,..., or use the service paperguard-strategy@");
    }
    user = find_user(config);
    if (!user || user->pw_uid == 0)
        return err_set(err, "[strategies] user = %s: %s; strategies never run as root in its place",
                       config->strategy_user[0] ? config->strategy_user : "(paperguard-strategy, nobody)",
                       user ? "that is root" : "no such user");
    out->uid = user->pw_uid;
    out->gid = user->pw_gid;
    str_copy_cut(out->name, sizeof out->name, user->pw_name);
    return 0;
}

static int folder_make(const char *path, mode_t mode, struct err *err)
{
    struct stat st;
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return err_set(err, "the folder %s cannot be made: %s", path, strerror(errno));
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(err, "%s is not a folder", path);
    return 0;
}

// Below state_dir, where nobody but the daemon can put anything: what is there is a folder of ours or one we made.
static int own_folder(const struct config *config, const struct strategies_user *user, const char *name,
                      char folder[STRATEGIES_FOLDER_MAX], struct err *err)
{
    char parent[STRATEGIES_FOLDER_MAX];
    int n = snprintf(parent, sizeof parent, "%s/strategies", config->state_dir);
    int m = snprintf(folder, STRATEGIES_FOLDER_MAX, "%s/%s", parent, name);
    if (n < 0 || m < 0 || m >= STRATEGIES_FOLDER_MAX)
        return err_set(err, "[daemon] state_dir is too long for a strategy's folder");
    if (folder_make(parent, 0711, err) != 0 || folder_make(folder, 0700, err) != 0)
        return -1;
    if (user->uid != (uid_t)-1 && lchown(folder, user->uid, user->gid) != 0)
        return err_set(err, "the folder %s cannot be given to %s: %s", folder, user->name, strerror(errno));
    return 0;
}

// ---- what it may read

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0' || (n == 1 && folder[0] == '/'));
}

static int secret_check(const char *folder, const char *secret, struct err *err)
{
    char real[PATH_MAX];
    if (!secret || !secret[0] || !realpath(secret, real) || (!is_below(real, folder) && !is_below(folder, real)))
        return 0;
    return err_set(err, "%s would be opened to the strategy, and %s is the daemon's: keep them apart", folder, real);
}

static int secrets_check(const struct config *c, const char *folder, struct err *err)
{
    const char *secrets[] = {c->state_dir,   c->admin_socket, c->token_file,
                             c->key_id_file, c->secret_file,  "/run/credentials"};
    const struct config_file *file;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (secret_check(folder, secrets[i], err) != 0)
            return -1;
    for (size_t i = 0; (file = config_file_at(c, i)) != NULL; i++)
        if (secret_check(folder, file->path, err) != 0)
            return -1;
    return 0;
}

// Of a system folder nothing need be said: it is open to all programs.
static bool is_system(const char *path)
{
    static const char *const folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (is_below(path, folders[i]))
            return true;
    return false;
}

// The path itself, or the folder it is in. One that does not exist is left out: whoever needs it will say so.
static int path_add(const struct config *c, struct strategies_place *p, const char *path, bool its_folder,
                    struct err *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real) || is_system(real))
        return 0;
    if (its_folder)
        *strrchr(real, '/') = '\0';
    if (real[0] == '\0' || strcmp(real, "/") == 0)
        return err_set(err, "%s: the root folder is not opened to a strategy; move it to a folder of its own", path);
    if (p->read_count == STRATEGIES_PATHS_MAX)
        return err_set(err, "more than %d paths for one strategy", STRATEGIES_PATHS_MAX);
    if (secrets_check(c, real, err) != 0)
        return -1;
    p->read[p->read_count++] = check_strdup(real);
    return 0;
}

static int paths_find(const struct config *c, const char *const *argv, struct strategies_place *p, struct err *err)
{
    char real[PATH_MAX];
    bool interpreter = argv[0] && realpath(argv[0], real) && is_system(real), script = false;
    for (size_t i = 0; argv[i]; i++) {
        if (argv[i][0] != '/')
            continue;
        bool its_folder = i == 0 || (interpreter && !script);
        script = script || i > 0;
        if (path_add(c, p, argv[i], its_folder, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < c->strategy_read.count; i++)
        if (path_add(c, p, c->strategy_read.words[i], false, err) != 0)
            return -1;
    return 0;
}

int strategies_place_find(const struct config *config, const struct strategies_user *user,
                          const struct sandbox_filter *filter, const char *name, const char *const *argv,
                          struct strategies_place *out, struct err *err)
{
    struct strategies_place p = {.folder = ""};
    const char *write[] = {p.folder, NULL};
    bool service = filter == NULL;
    int rc = service ? 0 : own_folder(config, user, name, p.folder, err);
    if (rc == 0)
        rc = paths_find(config, argv, &p, err);
    if (rc == 0 && !service) {
        p.sandbox = sandbox_new(&(struct sandbox_params){filter, (const char *const *)p.read, write}, err);
        rc = p.sandbox ? 0 : -1;
    }
    if (rc == 0 && !service && config->strategy_cgroup[0]) {
        p.cgroup = cgroup_new(config->strategy_cgroup, name, (uint64_t)config->strategy_memory_max,
                              (uint64_t)config->strategy_processes_max, err);
        rc = p.cgroup ? 0 : -1;
    }
    int error = errno; // says whether it may be found later
    if (rc == 0)
        *out = p;
    else
        strategies_place_free(&p);
    errno = error;
    return rc;
}

void strategies_place_free(struct strategies_place *p)
{
    for (size_t i = 0; i < p->read_count; i++)
        free(p->read[i]);
    sandbox_free(p->sandbox);
    cgroup_free(p->cgroup);
    *p = (struct strategies_place){.folder = ""};
}
