// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// state_dir, the daemon's home: it must be ours alone, one daemon lives in it at a time, and it says where we listen.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

#define PATH_LEN 512

// The halt latch lives here: whoever can write to the folder can take it away.
static int home_judge(const char *dir, struct err *err)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        return err_set(err, "[daemon] state_dir %s: %s; make it, for the daemon's user, with mode 0750 or less", dir,
                       strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "[daemon] state_dir %s is not a folder", dir);
    if (st.st_uid != geteuid())
        return err_set(err,
                       "[daemon] state_dir %s belongs to user id %u and the daemon runs as %u: run it as the owner",
                       dir, st.st_uid, geteuid());
    if (st.st_mode & 022)
        return err_set(err, "[daemon] state_dir %s has mode %04o, so others can write to it; expected 0750 or less",
                       dir, st.st_mode & 07777);
    return 0;
}

static int home_is_taken(int fd, const char *path, struct err *err)
{
    char who[16] = "";
    ssize_t n = pread(fd, who, sizeof who - 1, 0);
    who[n > 0 ? n : 0] = '\0';
    who[strspn(who, "0123456789")] = '\0';
    err_set(err,
            "another paperguardd%s%s lives in this state_dir (%s is locked): one instance, one state_dir; stop it, or "
            "give this one its own",
            who[0] ? " with process id " : "", who, path);
    return EX_TEMPFAIL;
}

// The lock is the open file: the system gives it back however the process ends, so the file itself stays.
static int home_lock(struct daemon *d, const char *path, struct err *err)
{
    d->home_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (d->home_fd < 0) {
        err_set(err, "%s cannot be opened: %s", path, strerror(errno));
        return errno == EROFS || errno == EACCES || errno == EPERM || errno == ELOOP ? EX_CONFIG : EX_CANTCREAT;
    }
    if (flock(d->home_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return home_is_taken(d->home_fd, path, err);
        err_set(err, "%s cannot be locked: %s", path, strerror(errno));
        return EX_OSERR;
    }
    // For the person who meets the lock; nothing is decided by it.
    if (ftruncate(d->home_fd, 0) != 0 || dprintf(d->home_fd, "%d\n", (int)getpid()) < 0)
        log_warning("%s cannot be written: %s", path, strerror(errno));
    return EX_OK;
}

int daemon_home_enter(struct daemon *d, struct err *err)
{
    char path[PATH_LEN];
    d->home_fd = -1;
    if (home_judge(d->config->state_dir, err) != 0)
        return EX_CONFIG;
    snprintf(path, sizeof path, "%s/lock", d->config->state_dir);
    int status = home_lock(d, path, err);
    if (status != EX_OK)
        return status;
    // Whoever has to halt a daemon by a file must not have to make the folder first.
    snprintf(path, sizeof path, "%s/halt.d", d->config->state_dir);
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return EX_OK;
    err_set(err, "%s cannot be made: %s", path, strerror(errno));
    close(d->home_fd);
    return EX_CANTCREAT;
}

// Where we really listen, for scripts that let the system choose a port.
void daemon_home_tell(const struct daemon *d)
{
    char path[PATH_LEN], fresh[PATH_LEN + 4];
    snprintf(path, sizeof path, "%s/listen", d->config->state_dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *f = fopen(fresh, "we");
    if (!f) {
        log_warning("cannot write %s: %s", fresh, strerror(errno));
        return;
    }
    for (size_t i = 0; i < d->config->listen_count; i++)
        fprintf(f, "%s %s\n", d->config->listens[i].name, http_server_address(d->http, i));
    if (fclose(f) != 0 || rename(fresh, path) != 0)
        log_warning("cannot write %s: %s", path, strerror(errno));
}

void daemon_home_leave(struct daemon *d)
{
    char path[PATH_LEN];
    if (d->home_fd < 0)
        return;
    snprintf(path, sizeof path, "%s/listen", d->config->state_dir);
    if (unlink(path) != 0 && errno != ENOENT)
        log_warning("cannot remove %s: %s", path, strerror(errno));
    close(d->home_fd);
    d->home_fd = -1;
}
