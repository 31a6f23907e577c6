// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Peers that a scenario has no use for yet: no service manager, names that are addresses; random bytes come
// from the seed.
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/io/service.h"
#include "lib/io/resolver.h"
#include "tests/sim/world.h"

bool service_managed(void)
{
    return false;
}

void service_ready(void)
{
    world_note("ready");
}

void service_status(const char *text)
{
    (void)text;
}

void service_reloading(void)
{
}

void service_stopping(void)
{
}

void service_extend_timeout(int64_t ms)
{
    (void)ms;
}

void service_watchdog_ping(void)
{
}

int64_t service_watchdog_ms(void)
{
    return 0;
}

int service_listen_fds(int *fds, const char **names, int max)
{
    (void)fds, (void)names, (void)max;
    return 0;
}

const char *service_credentials_directory(void)
{
    return NULL;
}

static void log_line(void *arg, enum log_level level, const char *message_id, const char *message,
                     const struct log_field *fields, size_t count)
{
    (void)arg, (void)message_id, (void)fields, (void)count;
    world_note("%s: %s", log_level_name(level), message);
}

void service_log_open(const struct log_field *fixed, size_t count)
{
    (void)fixed, (void)count;
    log_set_sink(log_line, NULL);
}

uint64_t service_log_dropped(void)
{
    return 0;
}

uint64_t service_log_behind(void)
{
    return 0;
}

struct resolver *resolver_new(struct loop *l, const char *conf)
{
    (void)l, (void)conf;
    return NULL;
}

void resolver_free(struct resolver *r)
{
    (void)r;
}

void __wrap_random_bytes(void *out, size_t len);
void __wrap_random_bytes(void *out, size_t len)
{
    unsigned char *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)world_draw(DRAW_BYTES);
}

// --- loop: no descriptor of a peer is watched

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
    (void)l, (void)fd, (void)events, (void)fn, (void)arg;
    check_failed("no descriptor is watched here: every peer is simulated", __FILE__, __LINE__, __func__);
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
    (void)watch, (void)events;
}

void loop_watch_free(struct loop_watch *watch)
{
    (void)watch;
}
