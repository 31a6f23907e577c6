// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What this host remembers of its database, in STATE_DIR/ledger.mark: the newest rows it saw committed. A database that
// lacks them was restored from an older copy: the daemon halts, keeps the slots of lost runs taken, reads again what
// the broker has, and says what was missing. The file is sealed, not synced: an older mark is only less sharp.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/messages.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"

#define HEAD "paperguard mark 1\n"
#define SEAL "sha256 "
#define MARK_MAX (64u * 1024)
#define PATH_LEN 512
#define WRITE_WAIT_MS 50
#define GIVEN_UP_NS (1 * NS_PER_S)      // a disk that takes so long is not waited for at the end
#define REPORT_AFTER_NS (30 * NS_PER_S) // a comparison that does not come to equal figures is told as it stands

// --- the file

static void seal(const char *text, size_t len, char out[DIGEST_HEX_MAX])
{
    const struct digest d = digest_of(text, len);
    digest_hex(&d, out);
}

// The text between head and seal; NULL when it is not what was written.
static char *opened(char *text)
{
    char hex[DIGEST_HEX_MAX];
    char *last = strstr(text, "\n" SEAL);
    if (!str_starts(text, HEAD) || !last)
        return NULL;
    seal(text, (size_t)(last + 1 - text), hex);
    if (strncmp(last + strlen("\n" SEAL), hex, strlen(hex)) != 0)
        return NULL;
    last[1] = '\0';
    return text + strlen(HEAD);
}

void daemon_mark_read(struct daemon *d)
{
    char path[PATH_LEN];
    struct stat st;
    snprintf(path, sizeof path, "%s/ledger.mark", d->config->state_dir);
    d->mark = check_strdup("");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return; // a first start, or a new state_dir: there is nothing to compare with
    char *text = check_alloc(1, MARK_MAX + 1);
    ssize_t n = fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ? -1 : read(fd, text, MARK_MAX);
    char *mark = n > 0 ? opened(text) : NULL;
    if (mark) {
        free(d->mark);
        d->mark = check_strdup(mark);
    } else {
        log_warning("%s is not what was written there; whether the database is older than it was cannot be told by it",
                    path);
    }
    free(text);
    if (fd >= 0)
        close(fd);
}

struct writing { // beside the loop
    char path[PATH_LEN], fresh[PATH_LEN + 4];
    bool good;
    size_t len;
    char text[];
};

static void write_run(void *data)
{
    struct writing *w = data;
    unlink(w->fresh);
    int fd = open(w->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    w->good = fd >= 0 && write(fd, w->text, w->len) == (ssize_t)w->len;
    if (fd >= 0)
        close(fd);
    w->good = w->good && rename(w->fresh, w->path) == 0;
    if (!w->good)
        unlink(w->fresh); // the disk is looked at and told of by itself
}

static struct writing *writing_new(const struct daemon *d)
{
    char hex[DIGEST_HEX_MAX];
    struct text t;
    text_init(&t, MARK_MAX - 1);
    text_add(&t, HEAD);
    text_add(&t, d->mark);
    seal(text_str(&t), t.len, hex);
    text_addf(&t, SEAL "%s\n", hex);
    struct writing *w = t.overflow ? NULL : check_alloc(1, sizeof *w + t.len);
    if (w) {
        snprintf(w->path, sizeof w->path, "%s/ledger.mark", d->config->state_dir);
        snprintf(w->fresh, sizeof w->fresh, "%s.new", w->path);
        w->len = t.len;
        memcpy(w->text, text_str(&t), t.len);
    }
    text_free(&t);
    return w;
}

static void written(struct daemon *d)
{
    d->mark_unwritten |= !((const struct writing *)disk_data(d->mark_writing))->good;
    disk_end(d->mark_writing);
    d->mark_writing = NULL;
}

static void write_file(struct daemon *d)
{
    struct writing *w = d->mark_writing ? NULL : writing_new(d);
    d->mark_unwritten = !w; // while one is written, the next one waits
    if (!w)
        return;
    d->mark_writing = disk_begin(d->disk, write_run, w, WRITE_WAIT_MS);
    d->mark_unwritten = !d->mark_writing;
    if (d->mark_writing && disk_done(d->mark_writing))
        written(d);
}

void daemon_mark_look(struct daemon *d)
{
    if (d->mark_writing && disk_done(d->mark_writing))
        written(d);
    if (d->mark_unwritten && !d->mark_writing)
        write_file(d);
}

bool daemon_mark_owed(const struct daemon *d)
{
    return d->mark_writing && disk_stuck_ns(d->disk) < GIVEN_UP_NS;
}

const char *daemon_mark(void *arg)
{
    struct daemon *d = arg;
    return d->mark;
}

void daemon_mark_told(void *arg, const char *mark)
{
    struct daemon *d = arg;
    if (d->restored.older && !d->restored.reported)
        return; // what was known is needed until it is dealt with, over a restart too
    if (str_equal(d->mark, mark) && !d->mark_unwritten)
        return;
    free(d->mark);
    d->mark = check_strdup(mark);
    write_file(d);
}

// --- an older database

static void begin_restored(struct daemon *d, const char *detail)
{
    struct restored *r = &d->restored;
    bool again = r->older && !r->reported;
    str_copy_cut(r->detail, sizeof r->detail, detail);
    if (again)
        return;
    *r = (struct restored){.older = true, .since_boot_ns = clock_boot_ns()};
    str_copy_cut(r->detail, sizeof r->detail, detail);
    d->snapshot.restored.at = clock_wall_ns();
    r->fills_before = metrics_value(d->metrics, METRIC_FILLS, "");
    char reason[160];
    snprintf(reason, sizeof reason, "the database is older than what was known of it: %.100s", detail);
    log_message(LOG_LEVEL_ERROR, MESSAGE_DATABASE_RESTORED, ((struct log_field[]){{"REASON", detail}}),
                "%s; it was restored from an older copy: orders are off, what is missing is read from the broker",
                reason);
    halt_engage(d->halt, HALT_HALTED, reason, "restored database");
}

void daemon_restored(void *arg, bool older, const char *detail)
{
    struct daemon *d = arg;
    if (older) {
        begin_restored(d, detail);
        return;
    }
    log_warning("another database: %s", detail);
    daemon_alert(d, "database_changed", d->config->instance, detail);
}

void daemon_orders_lost(void *arg, size_t orders, const char *first)
{
    struct daemon *d = arg;
    char detail[160];
    snprintf(detail, sizeof detail, "%zu orders at the broker have ids of ours and no intent here, the first is %.60s",
             orders, first);
    if (!d->restored.older || d->restored.reported)
        begin_restored(d, detail);
    d->restored.orders += orders;
    log_warning("restored database: %s", detail);
}

static void runs_kept(void *arg, enum ledger_result result, int64_t kept)
{
    struct daemon *d = arg;
    d->restored.asked = false;
    if (result != LEDGER_OK)
        return; // asked again with the next tick
    d->restored.runs_kept = true;
    d->restored.runs = kept;
    daemon_load_rows(d); // it waited for them
}

static void report(struct daemon *d, const char *differ)
{
    struct restored *r = &d->restored;
    char detail[400];
    r->reported = true;
    r->fills = metrics_value(d->metrics, METRIC_FILLS, "") - r->fills_before;
    snprintf(detail, sizeof detail,
             "%.140s; %lld runs and %zu orders had no record here, %lld fills were read again%s%.120s", r->detail,
             (long long)r->runs, r->orders, (long long)r->fills,
             differ[0] ? "; ledger and broker still differ: " : "; ledger and broker are equal", differ);
    daemon_alert(d, "database_restored", facts_view(d->facts)->account_number, detail);
    d->snapshot.at_boot_ns = 0;
}

static void passed(void *arg, bool in_step, const char *detail)
{
    struct daemon *d = arg;
    d->restored.asked = false;
    if (in_step || clock_boot_ns() - d->restored.since_boot_ns > REPORT_AFTER_NS)
        report(d, in_step ? "" : detail);
}

void daemon_restored_collect(struct daemon *d)
{
    const struct restored *r = &d->restored;
    struct snapshot *s = &d->snapshot;
    s->restored.older = r->older;
    s->restored.known = r->reported;
    s->restored.runs = r->runs;
    s->restored.orders = (int64_t)r->orders;
    s->restored.fills = r->reported ? r->fills : metrics_value(d->metrics, METRIC_FILLS, "") - r->fills_before;
    str_copy_cut(s->restored.detail, sizeof s->restored.detail, r->detail);
}

// With every tick, while there is something to do: lost runs are kept first, so that no slot of theirs is taken anew.
void daemon_restored_look(struct daemon *d)
{
    struct restored *r = &d->restored;
    const char *account = facts_view(d->facts)->account_number;
    if (!r->older || r->reported || r->asked || d->ledger_state != LEDGER_READY || !account[0])
        return;
    r->asked = true;
    if (!r->runs_kept)
        ledger_lost_runs(d->ledger, d->mark, account, clock_wall_ns(), runs_kept, d);
    else
        reconcile_pass(d->reconcile, passed, d);
}
