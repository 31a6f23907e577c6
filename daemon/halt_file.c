// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading and writing halt.state. Whatever is not exactly what we write is odd, and odd is UNKNOWN to the guard.
#include "daemon/halt_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/base/when.h"

#define FILE_NAME "halt.state"
#define FOLDER_NAME "halt.d"
#define HEAD "paperguard halt 1"
#define STRATEGY_FILE "halt.strategy.%.*s"
#define STRATEGY_FILE_MAX (BOOK_NAME_MAX + 20)
#define SIZE_MAX_BYTES 1024

static bool state_parse(const char *word, enum fact_halt *out)
{
    static const enum fact_halt states[] = {HALT_RUNNING, HALT_REDUCE_ONLY, HALT_HALTED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_equal(word, fact_halt_name(states[i]))) {
            *out = states[i];
            return true;
        }
    return false;
}

static void path_make(char out[1024], const char *state_dir, const char *name)
{
    struct text t;

    text_init(&t, 1023);
    text_addf(&t, "%s/%s", state_dir, name);
    str_copy_cut(out, 1024, t.overflow ? "" : text_str(&t)); // an empty path fails at open
    text_free(&t);
}

// "key value" on the line at *p, moved past it; NULL when it is another line.
static char *line_value(char **p, const char *key)
{
    const size_t len = strlen(key);
    char *newline = *p ? strchr(*p, '\n') : NULL, *value = *p;

    if (!newline || strncmp(value, key, len) != 0 || value[len] != ' ')
        return NULL;
    *newline = '\0';
    *p = newline + 1;
    return value + len + 1;
}

static bool parse(char *text, size_t len, struct halt_record *out)
{
    static const char seal[] = "sha256 ";
    struct digest written, is;
    char *last = strstr(text, "\nsha256 "), *p = text;

    if (memchr(text, '\0', len) || !last || strlen(last) != 1 + strlen(seal) + 64 + 1 || text[len - 1] != '\n')
        return false;
    text[len - 1] = '\0';
    if (!digest_from_hex(last + 1 + strlen(seal), &written))
        return false;
    is = digest_of(text, (size_t)(last + 1 - text));
    if (!digest_equal(&is, &written) || !str_starts(p, HEAD "\n"))
        return false;
    p += strlen(HEAD) + 1;
    const char *state = line_value(&p, "state"), *at = line_value(&p, "at");
    const char *source = line_value(&p, "source"), *reason = line_value(&p, "reason");
    return state && at && source && reason && p == last + 1 && state_parse(state, &out->state) &&
           when_parse(at, &out->at_ns) && str_copy(out->source, sizeof out->source, source) &&
           str_copy(out->reason, sizeof out->reason, reason);
}

static enum halt_file_result odd(struct err *err, const char *path, const char *what)
{
    err_set(err, "%s %s", path, what);
    return HALT_FILE_ODD;
}

static enum halt_file_result read_open(int fd, const char *path, struct halt_record *out, struct err *err)
{
    char text[SIZE_MAX_BYTES + 1];
    struct halt_record record;
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return odd(err, path, "is not a regular file");
    if ((st.st_mode & 022) || (st.st_uid != geteuid() && st.st_uid != 0))
        return odd(err, path, "can be written by others, or is not ours");
    const ssize_t n = read(fd, text, sizeof text);
    if (n < 0)
        return odd(err, path, strerror(errno));
    if (n == 0 || n > SIZE_MAX_BYTES)
        return odd(err, path, "is empty or too long");
    text[n] = '\0';
    if (!parse(text, (size_t)n, &record))
        return odd(err, path, "is not what was written there: damaged or edited");
    *out = record;
    return HALT_FILE_OK;
}

static enum halt_file_result file_read(const char *state_dir, const char *name, struct halt_record *out,
                                       struct err *err)
{
    char path[1024];

    path_make(path, state_dir, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        const int why = errno;
        struct stat st;
        // Only a file missing in a folder that is there is "missing"; anything else is trouble.
        if (why == ENOENT && stat(state_dir, &st) == 0 && S_ISDIR(st.st_mode)) {
            err_set(err, "%s is missing", path);
            return HALT_FILE_MISSING;
        }
        return odd(err, path, strerror(why));
    }
    const enum halt_file_result result = read_open(fd, path, out, err);
    close(fd);
    return result;
}

enum halt_file_result halt_file_read(const char *state_dir, struct halt_record *out, struct err *err)
{
    return file_read(state_dir, FILE_NAME, out, err);
}

enum halt_file_result halt_file_read_of(const char *state_dir, const char *strategy, struct halt_record *out,
                                        struct err *err)
{
    char name[STRATEGY_FILE_MAX];

    snprintf(name, sizeof name, STRATEGY_FILE, BOOK_NAME_MAX, strategy);
    return file_read(state_dir, name, out, err);
}

// One line: no control bytes, cut to what reading accepts.
static void add_line(struct text *t, const char *key, const char *value)
{
    char clean[HALT_TEXT_MAX];

    str_copy_cut(clean, sizeof clean, value);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = ' ';
    text_addf(t, "%s %s\n", key, clean);
}

static void record_write(const struct halt_record *r, struct text *t)
{
    char at[WHEN_TEXT_MAX], hex[DIGEST_HEX_MAX];

    text_add(t, HEAD "\n");
    add_line(t, "state", fact_halt_name(r->state));
    add_line(t, "at", when_format(r->at_ns, at));
    add_line(t, "source", r->source);
    add_line(t, "reason", r->reason);
    const struct digest d = digest_of(text_str(t), t->len);
    text_addf(t, "sha256 %s\n", digest_hex(&d, hex));
}

static int write_sync(int fd, const struct text *t)
{
    if (write(fd, text_str(t), t->len) != (ssize_t)t->len) {
        if (errno == 0)
            errno = ENOSPC;
        return -1;
    }
    return fsync(fd);
}

static int folder_sync(const char *state_dir)
{
    const int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    const int rc = fsync(fd);
    close(fd);
    return rc;
}

static int file_write(const char *state_dir, const char *name, const struct halt_record *record, struct err *err)
{
    char path[1024], temporary[1024], new_name[STRATEGY_FILE_MAX + 4];
    struct text t;

    CHECK(record->state != HALT_UNKNOWN);
    snprintf(new_name, sizeof new_name, "%s.new", name);
    path_make(path, state_dir, name);
    path_make(temporary, state_dir, new_name);
    unlink(temporary);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, "%s cannot be written: %s", temporary, strerror(errno));
    text_init(&t, SIZE_MAX_BYTES);
    record_write(record, &t);
    errno = 0;
    int rc = write_sync(fd, &t), why = errno;
    text_free(&t);
    close(fd);
    if (rc == 0 && (rc = rename(temporary, path) || folder_sync(state_dir) ? -1 : 0) != 0)
        why = errno;
    if (rc)
        return err_set(err, "%s cannot be written: %s", path, strerror(why));
    return 0;
}

int halt_file_write(const char *state_dir, const struct halt_record *record, struct err *err)
{
    return file_write(state_dir, FILE_NAME, record, err);
}

int halt_file_write_of(const char *state_dir, const char *strategy, const struct halt_record *record, struct err *err)
{
    char name[STRATEGY_FILE_MAX];

    snprintf(name, sizeof name, STRATEGY_FILE, BOOK_NAME_MAX, strategy);
    return file_write(state_dir, name, record, err);
}

// Whether the file is of one strategy, which is noted then.
static bool of_strategy(const char *file, struct halt_folder_strategies *s)
{
    bool reduce = str_starts(file, HALT_FOLDER_REDUCE_ONLY);
    const char *at = reduce ? file + strlen(HALT_FOLDER_REDUCE_ONLY) : file;

    at += reduce && *at == '-';
    if (!s || !str_starts(at, HALT_FOLDER_STRATEGY))
        return false;
    at += strlen(HALT_FOLDER_STRATEGY);
    for (size_t i = 0; i < s->count; i++)
        if (str_equal(at, s->names[i])) {
            if (s->found[i] != HALT_HALTED)
                s->found[i] = reduce ? HALT_REDUCE_ONLY : HALT_HALTED;
            return true;
        }
    return false;
}

int halt_folder_look(const char *state_dir, char name[HALT_TEXT_MAX], struct halt_folder_strategies *strategies,
                     struct err *err)
{
    char path[1024];
    int found = 0;
    bool strict = false;

    for (size_t i = 0; strategies && i < strategies->count; i++)
        strategies->found[i] = HALT_RUNNING;
    path_make(path, state_dir, FOLDER_NAME);
    DIR *dir = opendir(path);
    if (!dir) {
        struct stat st;
        if (errno == ENOENT && lstat(path, &st) != 0)
            return 0;
        return err_set(err, "%s cannot be read: %s", path, strerror(errno));
    }
    errno = 0; // readdir tells a folder that cannot be read from its end by this alone
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.' || of_strategy(e->d_name, strategies) || strict)
            continue;
        str_copy_cut(name, HALT_TEXT_MAX, e->d_name);
        found = 1;
        strict = !str_starts(name, HALT_FOLDER_REDUCE_ONLY);
    }
    if (!strict && errno != 0)
        found = err_set(err, "%s cannot be read: %s", path, strerror(errno));
    closedir(dir);
    return found;
}
