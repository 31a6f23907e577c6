// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the service manager gives a process comes through its environment and is process-wide by nature, so this door
// has no handle: its only state is the log sink and the notice that could not be sent yet. Notices go out on our own
// socket, since sd_notify waits when the manager is behind; the manager reads them as a set, so a later notice carries
// the earlier ones.
#include "lib/io/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/log_sink.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LISTEN_NAMES_MAX 32

static struct {
    struct log_sink *sink;
    char unsent[128]; // a state that the manager could not take yet
    char *listen_names[LISTEN_NAMES_MAX];
} service;

// ---- notices
// -----------------------------------------------------------------------------------------------------------

bool service_managed(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path != NULL && (path[0] == '/' || path[0] == '@') && path[1] != '\0';
}

static bool notify_address(struct sockaddr_un *out, socklen_t *len)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path == NULL || !str_copy(out->sun_path, sizeof out->sun_path, path))
        return false;
    size_t path_len = strlen(path);
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len + (path[0] == '@' ? 0 : 1));
    if (path[0] == '@') // an abstract name: NUL first, no NUL at the end
        out->sun_path[0] = '\0';
    return true;
}

static bool notice_send(const char *text, size_t len)
{
    struct sockaddr_un peer;
    socklen_t peer_len = 0;
    if (!notify_address(&peer, &peer_len))
        return true; // no manager to tell
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    ssize_t n = sendto(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&peer, peer_len);
    close(fd);
    return n == (ssize_t)len;
}

// A state that the manager does not take now is kept and goes ahead of the next notice; a later state replaces it.
// Status and watchdog notices are not kept: the next one says it better.
static void notify(const char *text, bool is_state)
{
    if (!service_managed())
        return;
    if (is_state)
        str_copy_cut(service.unsent, sizeof service.unsent, text);
    if (service.unsent[0] != '\0' && notice_send(service.unsent, strlen(service.unsent)))
        service.unsent[0] = '\0';
    if (!is_state)
        (void)notice_send(text, strlen(text));
}

void service_ready(void)
{
    notify("READY=1\n", true);
}

void service_status(const char *text)
{
    char line[512];
    snprintf(line, sizeof line - 1, "STATUS=%s", text);
    for (char *p = line; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    }
    size_t len = strlen(line);
    line[len] = '\n';
    line[len + 1] = '\0';
    notify(line, false);
}

void service_reloading(void)
{
    char text[96];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)(clock_monotonic_ns() / 1000));
    notify(text, true);
}

void service_stopping(void)
{
    notify("STOPPING=1\n", true);
}

void service_extend_timeout(int64_t ms)
{
    char text[64];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%lld\n", (long long)ms * 1000);
    notify(text, false);
}

void service_watchdog_ping(void)
{
    notify("WATCHDOG=1\n", false);
}

int64_t service_watchdog_ms(void)
{
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;
    int64_t ms = (int64_t)(usec / 2000);
    return ms > 0 ? ms : 1;
}

// ---- what was handed over
// ----------------------------------------------------------------------------------------------

int service_listen_fds(int *fds, const char **names, int max)
{
    char **given = NULL;
    int n = sd_listen_fds_with_names(0, &given);
    if (n < 0 || n > max || n > LISTEN_NAMES_MAX) {
        for (int i = 0; given != NULL && i < n; i++)
            free(given[i]);
        free(given);
        errno = n < 0 ? -n : E2BIG;
        return -1;
    }
    for (int i = 0; i < n; i++) {
        free(service.listen_names[i]);
        service.listen_names[i] = given[i];
        fds[i] = SD_LISTEN_FDS_START + i;
        names[i] = given[i];
    }
    free(given);
    return n;
}

const char *service_credentials_directory(void)
{
    const char *path = getenv("CREDENTIALS_DIRECTORY");
    return path != NULL && path[0] == '/' ? path : NULL;
}

// ---- the log
// -----------------------------------------------------------------------------------------------------------

// JOURNAL_STREAM names the stream the manager gave us; a stderr that was redirected since is not that stream.
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    char ours[64];
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return str_equal(stream, ours);
}

void service_log_open(const struct log_field *fixed, size_t count)
{
    struct log_sink *sink = NULL;
    if (stderr_is_journal())
        sink = log_sink_journal(JOURNAL_SOCKET, program_invocation_short_name, fixed, count);
    if (sink == NULL)
        sink = log_sink_lines(STDERR_FILENO, fixed, count);
    log_set_sink(log_sink_write, sink);
    log_sink_free(service.sink);
    service.sink = sink;
}

uint64_t service_log_dropped(void)
{
    return service.sink != NULL ? log_sink_dropped(service.sink) : 0;
}

uint64_t service_log_behind(void)
{
    return service.sink != NULL ? log_sink_behind(service.sink) : 0;
}
