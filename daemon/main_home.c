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
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/io/service.h"

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

static bool identity_good(const char *text)
{
    return strspn(text, "0123456789abcdef") == LEADER_WORD_LEN - 1 && text[LEADER_WORD_LEN - 1] == '\n';
}

static int identity_make(char word[LEADER_WORD_LEN], const char *path, struct err *err)
{
    uint8_t random[(LEADER_WORD_LEN - 1) / 2];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(word + 2 * i, 3, "%02x", random[i]);
    FILE *f = fopen(path, "we");
    if (!f)
        return err_set(err, "%s cannot be written: %s", path, strerror(errno));
    bool written = fchmod(fileno(f), 0600) == 0 && fprintf(f, "%s\n", word) > 0;
    if (fclose(f) != 0 || !written)
        return err_set(err, "%s cannot be written: %s", path, strerror(errno));
    return 0;
}

// Who leads an account is kept under this name. It stays through restarts: with the lock it proves that the process
// which held the lead under it before is dead. The file's number is part of it, so that a copy of state_dir is another
// one. One that cannot be read is made anew, which only costs waiting.
static int home_identity(struct daemon *d, struct err *err)
{
    char path[PATH_LEN], word[LEADER_WORD_LEN + 1] = "";
    struct stat st;
    snprintf(path, sizeof path, "%s/identity", d->config->state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, word, sizeof word - 1) : 0;
    if (fd >= 0)
        close(fd);
    word[n > 0 ? n : 0] = '\0';
    if (!identity_good(word) && identity_make(word, path, err) != 0)
        return -1;
    word[LEADER_WORD_LEN - 1] = '\0';
    if (stat(path, &st) != 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    snprintf(d->identity, sizeof d->identity, "%s-%llx", word, (unsigned long long)st.st_ino);
    return 0;
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
    bool made = mkdir(path, 0750) == 0 || errno == EEXIST;
    if (!made)
        err_set(err, "%s cannot be made: %s", path, strerror(errno));
    if (made && home_identity(d, err) == 0)
        return EX_OK;
    close(d->home_fd);
    return EX_CANTCREAT;
}

// Where we really listen, for scripts that let the system choose a port.
static void listening_tell(const struct daemon *d)
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

static void listen_inherited(const struct config_listen *l, struct http_listen *out)
{
    int fds[CONFIG_LISTENS_MAX];
    const char *names[CONFIG_LISTENS_MAX];
    int n = service_listen_fds(fds, names, CONFIG_LISTENS_MAX);
    for (int i = 0; i < n; i++)
        if (str_equal(names[i], l->name)) {
            out->fd = fds[i];
            return;
        }
}

int daemon_listen(struct daemon *d, struct err *err)
{
    for (size_t i = 0; i < d->config->listen_count; i++) {
        const struct config_listen *l = &d->config->listens[i];
        struct http_listen listen = {
            .address = l->address,
            .fd = -1,
            .roles = l->roles,
            .service = l->service,
            .hosts = (const char *const *)l->hosts.words,
            .host_count = l->hosts.count,
            .allow = (const char *const *)l->allow.words,
            .allow_count = l->allow.count,
        };
        listen_inherited(l, &listen);
        if (http_server_listen(d->http, &listen, err) != 0)
            return err_wrap(err, "[listen \"%s\"]", l->name);
        log_notice("listening on %s (%s)", http_server_address(d->http, i), l->name);
    }
    char address[600];
    snprintf(address, sizeof address, "unix:%s", d->config->admin_socket);
    const struct http_listen admin = {.address = address, .fd = -1, .roles = HTTP_ROLE_ADMIN, .unix_mode = 0660};
    if (http_server_listen(d->admin_http, &admin, err) != 0)
        return err_wrap(err, "[daemon] admin_socket");
    listening_tell(d);
    return 0;
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
