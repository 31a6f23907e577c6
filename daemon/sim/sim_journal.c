// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// See sim_journal.h. The file: a head of three lines, then per change one line "INSTANT METHOD LENGTH TARGET", the body
// of that length and a newline. The whole reads as text; lengths let a body hold anything.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sim/sim_journal.h"

#define MAGIC "paperguard-sim state 1\n"
#define FILE_MAX_BYTES ((size_t)1024 * 1024 * 1024)

struct sim_journal {
    char *path;
    int fd;
    int64_t started, last;
    uint64_t salt;
    bool fresh;
    char *whole; // what the file held when it was opened, while it is needed
    size_t len, at, count;
};

static int fault(const struct sim_journal *j, const char *doing, struct err *err)
{
    return err_set(err, "--state %s: cannot be %s: %s", j->path, doing, strerror(errno));
}

static int write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_file(struct sim_journal *j, struct err *err)
{
    struct stat st;
    if (fstat(j->fd, &st) != 0)
        return fault(j, "read", err);
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_MAX_BYTES)
        return err_set(err, "--state %s: expected a file of at most 1 GiB", j->path);
    j->whole = check_alloc((size_t)st.st_size + 1, 1);
    while (j->len < (size_t)st.st_size) {
        ssize_t n = read(j->fd, j->whole + j->len, (size_t)st.st_size - j->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault(j, "read", err);
        j->len += (size_t)n;
    }
    return 0;
}

// The next line without its newline, NUL-terminated in place; NULL when there is no whole line.
static char *next_line(struct sim_journal *j)
{
    char *line = j->whole + j->at, *end = memchr(line, '\n', j->len - j->at);
    if (end == NULL)
        return NULL;
    *end = '\0';
    j->at = (size_t)(end - j->whole) + 1;
    return line;
}

static int read_head(struct sim_journal *j, struct err *err)
{
    static const char started[] = "started ", salt[] = "salt ";
    int64_t n;
    char *end, *line;
    if (j->len >= strlen(MAGIC) && memcmp(j->whole, MAGIC, strlen(MAGIC)) == 0) {
        j->at = strlen(MAGIC);
        line = next_line(j);
        if (line != NULL && str_starts(line, started) && str_int64(line + strlen(started), 0, INT64_MAX, &n)) {
            j->started = j->last = n;
            line = next_line(j);
            if (line != NULL && str_starts(line, salt)) {
                j->salt = strtoull(line + strlen(salt), &end, 16);
                if (*end == '\0')
                    return 0;
            }
        }
    }
    return err_set(err, "--state %s: not a state file of this simulator; name another file or remove it", j->path);
}

struct sim_journal *sim_journal_open(const char *path, int64_t now, uint64_t salt, struct err *err)
{
    struct sim_journal *j = check_alloc(1, sizeof *j);
    j->path = check_strdup(path);
    j->started = j->last = now;
    j->salt = salt;
    j->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int result = 0;
    if (j->fd < 0)
        result = fault(j, "opened", err);
    else if (flock(j->fd, LOCK_EX | LOCK_NB) != 0)
        result = err_set(err, "--state %s: another simulator uses it", path);
    else
        result = read_file(j, err);
    j->fresh = result == 0 && memchr(j->whole, '\n', j->len) == NULL; // nothing, or a head that a crash cut short
    if (result == 0 && !j->fresh)
        result = read_head(j, err);
    if (result == 0)
        return j;
    sim_journal_close(j);
    return NULL;
}

int64_t sim_journal_started(const struct sim_journal *j)
{
    return j->started;
}

uint64_t sim_journal_salt(const struct sim_journal *j)
{
    return j->salt;
}

int64_t sim_journal_last(const struct sim_journal *j)
{
    return j->last;
}

size_t sim_journal_count(const struct sim_journal *j)
{
    return j->count;
}

void sim_journal_close(struct sim_journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->whole);
    free(j->path);
    free(j);
}

// Writing.

static int keep(void *arg, const struct sim_request *q, int64_t now, struct err *err)
{
    struct sim_journal *j = arg;
    struct text entry;
    text_init(&entry, SIM_BODY_MAX);
    text_addf(&entry, "%" PRId64 " %s %zu %s", now, http_method_name(q->method), q->body_len, q->path);
    if (q->query != NULL && *q->query != '\0')
        text_addf(&entry, "?%s", q->query);
    text_addc(&entry, '\n');
    text_addn(&entry, q->body != NULL ? q->body : "", q->body_len);
    text_addc(&entry, '\n');
    off_t end = lseek(j->fd, 0, SEEK_END);
    int result =
        entry.overflow || end < 0 || write_whole(j->fd, entry.data, entry.len) != 0 ? fault(j, "written", err) : 0;
    if (result != 0 && end >= 0 && ftruncate(j->fd, end) != 0) // half an entry would hide those after it
        result = err_wrap(err, "and cannot be cut back");
    text_free(&entry);
    return result;
}

static int write_head(struct sim_journal *j, const char *options, struct err *err)
{
    struct text head;
    text_init(&head, 4096);
    text_addf(&head, MAGIC "started %" PRId64 "\nsalt %016" PRIx64 "\n%s\n", j->started, j->salt, options);
    int result = head.overflow || ftruncate(j->fd, 0) != 0 || write_whole(j->fd, head.data, head.len) != 0 ||
                         fdatasync(j->fd) != 0
                     ? fault(j, "written", err)
                     : 0;
    text_free(&head);
    return result;
}

// Replaying.

static bool method_parse(const char *word, enum http_method *out)
{
    for (int i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strcmp(word, http_method_name((enum http_method)i)) == 0) {
            *out = (enum http_method)i;
            return true;
        }
    return false;
}

struct entry {
    int64_t at;
    struct sim_request request;
};

// 1 and the entry, 0 at the end or at an entry that was cut short, -1 when it is none.
static int next_entry(struct sim_journal *j, struct entry *e)
{
    char *line = next_line(j), *method, *length, *target, *query;
    int64_t len;
    *e = (struct entry){.request = {.query = ""}};
    if (line == NULL)
        return 0;
    if ((method = strchr(line, ' ')) == NULL || (length = strchr(method + 1, ' ')) == NULL ||
        (target = strchr(length + 1, ' ')) == NULL)
        return -1;
    *method++ = *length++ = *target++ = '\0';
    if (!str_int64(line, j->last, INT64_MAX, &e->at) || !method_parse(method, &e->request.method) ||
        !str_int64(length, 0, (int64_t)FILE_MAX_BYTES, &len))
        return -1;
    if (j->len - j->at <= (size_t)len)
        return 0;
    e->request.body = j->whole + j->at;
    e->request.body_len = (size_t)len;
    j->at += (size_t)len + 1;
    if (j->whole[j->at - 1] != '\n')
        return -1;
    j->whole[j->at - 1] = '\0';
    if ((query = strchr(target, '?')) != NULL) {
        *query++ = '\0';
        e->request.query = query;
    }
    e->request.path = target;
    return 1;
}

static int replay(struct sim_journal *j, struct sim *sim, struct err *err)
{
    struct entry e;
    size_t good = j->at;
    int found;
    while ((found = next_entry(j, &e)) > 0) {
        struct sim_reply reply;
        sim_replay(sim, &e.request, e.at, &reply);
        sim_reply_free(&reply);
        j->last = e.at;
        j->count++;
        good = j->at;
    }
    if (found < 0)
        return err_set(err, "--state %s: entry %zu cannot be read; name another file or remove it", j->path,
                       j->count + 1);
    if (good < j->len && ftruncate(j->fd, (off_t)good) != 0)
        return fault(j, "cut back", err);
    return 0;
}

int sim_journal_attach(struct sim_journal *j, struct sim *sim, struct err *err)
{
    char options[SIM_OPTIONS_MAX];
    sim_options_text(sim, options);
    int result = 0;
    if (j->fresh) {
        result = write_head(j, options, err);
    } else {
        const char *then = next_line(j);
        if (then == NULL || strcmp(then, options) != 0)
            result = err_set(err,
                             "--state %s was made with other options or prices (then %.160s; now %.160s): start with "
                             "the same, or name another file",
                             j->path, then == NULL ? "none" : then, options);
        else
            result = replay(j, sim, err);
    }
    free(j->whole);
    j->whole = NULL;
    if (result == 0)
        sim_on_change(sim, keep, j);
    return result;
}
