// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the daemon stands on, looked at with every tick and whenever somebody asks for health: Postgres, Redis, the
// broker, the name service, the disk under state_dir and the log's reader. Each is told once when it goes and once when
// it is back.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"
#include "lib/io/service.h"

#define PATIENCE_NS (1 * NS_PER_S)   // what was asked and not answered for so long is not answering
#define DISK_EVERY_NS (1 * NS_PER_S) // how often the disk is written to
#define PATH_LEN 512
#define PROBE_WAIT_MS 50
#define PROBE_BYTES 4096 // a block of its own

static void settle(struct daemon *d, enum snapshot_part_name name, enum part_state state, int64_t for_ns,
                   const char *detail)
{
    struct snapshot_part *p = &d->snapshot.parts[name];
    bool was = part_in_trouble(p), known = state == PART_OK || state == PART_OFF;
    int64_t since = p->since_wall_ns;
    if (!was && !known)
        p->since_wall_ns = clock_wall_ns() - for_ns;
    str_copy_cut(p->detail, sizeof p->detail, detail);
    p->state = state;
    bool tell = d->parts_seen & (1u << name); // before it was there once, STATUS= says what is awaited
    if (state == PART_OK)
        d->parts_seen |= 1u << name;
    if (!was && !known && tell)
        log_warning("outage: %s is %s%s%s", snapshot_part_name(name), part_state_name(state), detail[0] ? ": " : "",
                    detail);
    if (known)
        p->since_wall_ns = 0;
    if (was && known && tell)
        log_notice("outage over: %s, after %lld ms", snapshot_part_name(name),
                   (long long)((clock_wall_ns() - since) / NS_PER_MS));
    metrics_set(d->metrics, METRIC_PART_UP, snapshot_part_name(name), known);
}

static void look_postgres(struct daemon *d)
{
    int64_t unanswered = ledger_unanswered_ns(d->ledger);
    if (d->ledger_state != LEDGER_READY)
        settle(d, PART_POSTGRES, PART_DOWN, 0, d->ledger_detail);
    else if (unanswered >= PATIENCE_NS)
        settle(d, PART_POSTGRES, PART_NOT_ANSWERING, unanswered, "");
    else
        settle(d, PART_POSTGRES, PART_OK, 0, "");
}

static void look_redis(struct daemon *d)
{
    int64_t unanswered = cache_unanswered_ns(d->cache);
    if (!cache_configured(d->cache))
        settle(d, PART_REDIS, PART_OFF, 0, "");
    else if (!cache_up(d->cache))
        settle(d, PART_REDIS, PART_DOWN, 0, d->cache_detail);
    else if (unanswered >= PATIENCE_NS)
        settle(d, PART_REDIS, PART_NOT_ANSWERING, unanswered, "");
    else
        settle(d, PART_REDIS, PART_OK, 0, "");
}

static void look_broker(struct daemon *d)
{
    const char *op;
    char detail[160];
    int64_t unanswered = broker_unanswered_ns(d->broker, &op);
    snprintf(detail, sizeof detail, "no answer to %.40s", op);
    if (unanswered >= PATIENCE_NS)
        settle(d, PART_BROKER, PART_NOT_ANSWERING, unanswered, detail);
    else if (!broker_connected(d->broker))
        settle(d, PART_BROKER, PART_DOWN, 0, broker_trouble(d->broker));
    else
        settle(d, PART_BROKER, PART_OK, 0, "");
}

static void heartbeat_answered(void *arg, const struct broker_answer *answer)
{
    (void)arg, (void)answer; // the broker channel has learnt from it
}

// One that nobody asks anything may be silent for long. The question is one that needs no identity, and is not asked
// before the guard has passed once: until then others ask without pause.
static void ask_quiet_broker(struct daemon *d)
{
    if (d->ready_told && !d->draining && broker_quiet_ns(d->broker) >= d->config->heartbeat_interval_ms * NS_PER_MS)
        broker_call(d->broker, OP_CLOCK_BOOT, NULL, NULL, heartbeat_answered, d);
}

static void look_names(struct daemon *d)
{
    int64_t since, now = clock_monotonic_ns();
    const char *trouble = broker_names_trouble(d->broker, &since);
    if (since && now - since >= PATIENCE_NS)
        settle(d, PART_DNS, PART_NOT_ANSWERING, now - since, trouble);
    else if (trouble[0])
        settle(d, PART_DNS, PART_DOWN, 0, trouble);
    else
        settle(d, PART_DNS, PART_OK, 0, "");
}

struct probe { // beside the loop
    char dir[PATH_LEN];
    int error; // 0: written
};

// A file that never had a name: what is written is given back with it.
static void write_somewhere(void *data)
{
    static const char block[PROBE_BYTES];
    struct probe *p = data;
    char path[PATH_LEN + 8];
    int fd = open(p->dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) { // not every file system has those
        snprintf(path, sizeof path, "%s/probe", p->dir);
        fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
            unlink(path);
    }
    p->error = fd < 0 ? errno : 0;
    if (fd < 0)
        return;
    errno = ENOSPC;
    p->error = write(fd, block, sizeof block) == (ssize_t)sizeof block ? 0 : errno;
    close(fd);
}

static void probe_begin(struct daemon *d)
{
    struct probe *p = check_alloc(1, sizeof *p);
    str_copy_cut(p->dir, sizeof p->dir, d->config->state_dir);
    d->disk_probe = disk_begin(d->disk, write_somewhere, p, PROBE_WAIT_MS);
}

static void probed(struct daemon *d)
{
    char detail[160];
    const int error = ((const struct probe *)disk_data(d->disk_probe))->error;
    const char *halt = halt_not_stored(d->halt);
    disk_end(d->disk_probe);
    d->disk_probe = NULL;
    snprintf(detail, sizeof detail, "state_dir cannot be written: %s", strerror(error));
    settle(d, PART_DISK, !error && !halt[0] ? PART_OK : PART_DOWN, 0, error ? detail : halt);
}

static void look_disk(struct daemon *d)
{
    int64_t now = clock_boot_ns();
    if (!d->disk_probe && (!d->disk_boot_ns || now - d->disk_boot_ns >= DISK_EVERY_NS)) {
        d->disk_boot_ns = now;
        probe_begin(d);
    }
    if (d->disk_probe && disk_done(d->disk_probe))
        probed(d);
    else if (disk_stuck_ns(d->disk) >= PATIENCE_NS)
        settle(d, PART_DISK, PART_NOT_ANSWERING, disk_stuck_ns(d->disk), "state_dir");
}

void daemon_disk_free(struct daemon *d)
{
    disk_end(d->mark_writing);
    disk_end(d->disk_probe);
    disk_free(d->disk);
}

// A halt that only memory and Postgres hold ends with them.
static void look_halt(struct daemon *d)
{
    const char *why = halt_not_stored(d->halt);
    if (why[0] && !d->halt_not_stored_told)
        daemon_alert(d, "halt_not_stored", d->config->instance, why);
    d->halt_not_stored_told = why[0] != '\0';
}

static void look_journal(struct daemon *d)
{
    char detail[160];
    uint64_t behind = service_log_behind();
    snprintf(detail, sizeof detail, "%llu log lines were dropped: the log's reader is behind",
             (unsigned long long)behind);
    settle(d, PART_JOURNAL, behind ? PART_DOWN : PART_OK, 0, behind ? detail : "");
}

void daemon_look_parts(struct daemon *d)
{
    look_postgres(d);
    look_redis(d);
    ask_quiet_broker(d);
    look_broker(d);
    look_names(d);
    look_disk(d);
    look_halt(d);
    look_journal(d);
}
