// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A day's head is asked for once, with where it is stored already (a restart does not store it again), and goes to each
// other place until that has taken it; what a place has taken is a row in Postgres.
#include "daemon/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"

#define RETRY_FIRST_NS (INT64_C(5) * NS_PER_S)
#define RETRY_MAX_NS (INT64_C(3600) * NS_PER_S)
#define FILE_WAIT_MS 50
#define FORGET_ROWS 1000 // at a time
#define LINE_MAX_BYTES 1024

enum place_kind { PLACE_FILE, PLACE_WEBHOOK, PLACE_COUNT };
static const char *const PLACES[] = {"file", "webhook"};

struct place {
    bool wanted, stored, under_way, told;
    int64_t due_ns, retry_ns; // boot
};

struct appending { // beside the loop
    char path[PATH_MAX], line[LINE_MAX_BYTES];
    int error;
};

struct heads {
    struct heads_params p;
    struct notify *notify;
    char day[11], line[LINE_MAX_BYTES]; // the day's head; line "": not known yet
    bool asked, forgetting, forgotten;
    struct ledger_head head;
    struct place places[PLACE_COUNT];
    struct disk_work *writing;
    int64_t boot_ns, ask_due_ns;
};

struct heads *heads_new(const struct heads_params *params)
{
    struct heads *h = check_alloc(1, sizeof *h);
    h->p = *params;
    h->places[PLACE_FILE].wanted = params->file[0] != '\0';
    h->places[PLACE_WEBHOOK].wanted = params->url != NULL;
    if (params->url)
        h->notify = notify_new(params->loop, params->url);
    for (size_t k = 0; k < ARRAY_LEN(PLACES); k++) { // a count that begins with its first failure hides it
        metrics_add(params->metrics, METRIC_AUDIT_HEAD_FAILURES, PLACES[k], 0);
        metrics_set(params->metrics, METRIC_AUDIT_HEAD_AT, PLACES[k], 0);
    }
    return h;
}

void heads_free(struct heads *h)
{
    if (!h)
        return;
    disk_end(h->writing);
    notify_free(h->notify);
    free(h);
}

// --- one place

static void place_done(struct heads *h, enum place_kind k, bool ok, const char *detail)
{
    struct place *p = &h->places[k];
    char text[240];
    p->under_way = false;
    if (ok) {
        p->stored = true;
        ledger_head_stored(h->p.ledger, h->day, PLACES[k], &h->head, clock_wall_ns());
        metrics_set(h->p.metrics, METRIC_AUDIT_HEAD_AT, PLACES[k], clock_wall_ns() / NS_PER_S);
        log_info("audit: the head of %s (decision %lld) is stored: %s", h->day, (long long)h->head.seq, PLACES[k]);
        return;
    }
    p->retry_ns = !p->retry_ns ? RETRY_FIRST_NS : p->retry_ns * 2 < RETRY_MAX_NS ? p->retry_ns * 2 : RETRY_MAX_NS;
    p->due_ns = h->boot_ns + p->retry_ns;
    metrics_add(h->p.metrics, METRIC_AUDIT_HEAD_FAILURES, PLACES[k], 1);
    snprintf(text, sizeof text, "the head of %s was not stored: %.160s", h->day, detail);
    if (!p->told)
        h->p.alert(h->p.arg, "head_not_stored", PLACES[k], text);
    p->told = true;
}

static void posted(void *arg, bool ok, const char *detail)
{
    place_done(arg, PLACE_WEBHOOK, ok, detail);
}

// The line whole or not at all, behind a whole one, and on the disk.
static int append(const char *path, const char *line)
{
    struct stat st;
    char last = '\n';
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &st) != 0 ? errno : !S_ISREG(st.st_mode) ? EINVAL : 0;
    if (!error && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
        error = EIO;
    size_t len = strlen(line);
    const char *from = last == '\n' ? line + 1 : line; // the line begins with a line feed of its own
    len -= (size_t)(from - line);
    if (!error) {
        ssize_t n = write(fd, from, len);
        error = n < 0 ? errno : (size_t)n != len ? ENOSPC : fsync(fd) != 0 ? errno : 0;
        if (error && n > 0 && ftruncate(fd, st.st_size) != 0)
            error = EIO;
    }
    close(fd);
    return error;
}

static void append_run(void *data)
{
    struct appending *w = data;
    w->error = append(w->path, w->line);
}

static void look_at_writing(struct heads *h)
{
    if (!h->writing || !disk_done(h->writing))
        return;
    int error = ((const struct appending *)disk_data(h->writing))->error;
    disk_end(h->writing);
    h->writing = NULL;
    place_done(h, PLACE_FILE, error == 0, strerror(error));
}

static void deliver(struct heads *h, enum place_kind k)
{
    struct place *p = &h->places[k];
    if (!p->wanted || p->stored || p->under_way || h->boot_ns < p->due_ns)
        return;
    p->under_way = true;
    if (k == PLACE_WEBHOOK) {
        notify_post(h->notify, h->line, posted, h);
        return;
    }
    struct appending *w = check_alloc(1, sizeof *w);
    str_copy_cut(w->path, sizeof w->path, h->p.file);
    snprintf(w->line, sizeof w->line, "\n%.*s\n", LINE_MAX_BYTES - 3, h->line);
    h->writing = disk_begin(h->p.disk, append_run, w, FILE_WAIT_MS);
    if (!h->writing)
        place_done(h, PLACE_FILE, false, "too much waits for the disk");
    else
        look_at_writing(h);
}

// --- the day

static void write_line(struct heads *h)
{
    struct text t;
    struct json_out o;
    char said[400];
    text_init(&t, sizeof h->line - 4);
    json_out_init(&o, &t);
    snprintf(said, sizeof said, "paperguard %.60s %.60s %.80s: the head of %s is decision %lld, %s", h->p.environment,
             h->p.host, h->p.instance, h->day, (long long)h->head.seq, h->head.hash);
    json_object_begin(&o);
    json_put_string(&o, "day", h->day);
    json_put_when(&o, "at", clock_wall_ns());
    json_put_string(&o, "environment", h->p.environment);
    json_put_string(&o, "host", h->p.host);
    json_put_string(&o, "instance", h->p.instance);
    json_put_int(&o, "seq", h->head.seq);
    json_put_string(&o, "hash", h->head.hash);
    json_put_string(&o, "text", said); // what chats show
    json_object_end(&o);
    if (!t.overflow)
        str_copy_cut(h->line, sizeof h->line, text_str(&t));
    text_free(&t);
}

static bool has_word(const char *words, const char *word)
{
    const char *at = strstr(words, word);
    return at && (at == words || at[-1] == ' ') && (at[strlen(word)] == ' ' || !at[strlen(word)]);
}

static void head_told(void *arg, enum ledger_result result, const struct ledger_head *head)
{
    struct heads *h = arg;
    h->asked = false;
    h->ask_due_ns = h->boot_ns + RETRY_FIRST_NS;
    if (result != LEDGER_OK || head->seq == 0)
        return;
    h->head = *head;
    for (enum place_kind k = 0; k < PLACE_COUNT; k++)
        h->places[k].stored = has_word(head->places, PLACES[k]);
    write_line(h);
}

static void forgot(void *arg, enum ledger_result result, int64_t rows)
{
    struct heads *h = arg;
    h->forgetting = false;
    if (result != LEDGER_OK)
        return;
    h->forgotten = rows < FORGET_ROWS;
    if (rows)
        log_notice("audit: %lld decisions older than %lld days were removed, a checkpoint stands for them",
                   (long long)rows, (long long)h->p.keep_days);
}

static void begin_day(struct heads *h, const char *day)
{
    str_copy_cut(h->day, sizeof h->day, day);
    h->line[0] = '\0';
    h->forgotten = false;
    h->ask_due_ns = 0;
    for (enum place_kind k = 0; k < PLACE_COUNT; k++)
        h->places[k] = (struct place){.wanted = h->places[k].wanted};
}

void heads_look(struct heads *h, int64_t wall_ns, int64_t boot_ns)
{
    char now[WHEN_TEXT_MAX];
    bool wanted = h->places[PLACE_FILE].wanted || h->places[PLACE_WEBHOOK].wanted;
    if (!wanted && !h->p.keep_days)
        return;
    h->boot_ns = boot_ns;
    look_at_writing(h);
    if (h->asked || h->forgetting || h->places[PLACE_FILE].under_way || h->places[PLACE_WEBHOOK].under_way)
        return; // a day ends with what was begun in it
    when_format(wall_ns, now);
    now[10] = '\0';
    if (strcmp(h->day, now) != 0)
        begin_day(h, now);
    if (wanted && !h->line[0]) {
        if (boot_ns >= h->ask_due_ns) {
            h->asked = true;
            ledger_head_ask(h->p.ledger, h->day, head_told, h);
        }
        return; // the head is stored before rows go
    }
    for (enum place_kind k = 0; wanted && k < PLACE_COUNT; k++)
        deliver(h, k);
    if (h->p.keep_days && !h->forgotten && boot_ns >= h->ask_due_ns) {
        h->forgetting = true;
        h->ask_due_ns = boot_ns + NS_PER_S;
        ledger_forget_decisions(h->p.ledger, wall_ns - h->p.keep_days * INT64_C(86400) * NS_PER_S, FORGET_ROWS, wall_ns,
                                forgot, h);
    }
}
