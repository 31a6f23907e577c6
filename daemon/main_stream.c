// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The order stream and whom it tells: reconcile, which reads orders and fills, and whoever looks at the snapshot.
#include "daemon/daemon.h"

static void on_state(void *arg, bool connected)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    reconcile_set_stream(d->reconcile, connected);
}

static void on_event(void *arg)
{
    struct daemon *d = arg;
    reconcile_nudge(d->reconcile);
}

static bool known(void *arg, const char *client_order_id)
{
    const struct daemon *d = arg;
    return desk_order(d->desk, client_order_id) != NULL;
}

void daemon_stream_new(struct daemon *d)
{
    if (!str_equal(d->config->stream_mode, "on"))
        return;
    d->stream = stream_new(&(struct stream_params){.loop = d->loop,
                                                   .broker = d->broker,
                                                   .metrics = d->metrics,
                                                   .on_state = on_state,
                                                   .on_event = on_event,
                                                   .known = known,
                                                   .arg = d});
}

void daemon_stream_start(struct daemon *d)
{
    if (d->stream && !d->draining)
        stream_start(d->stream);
}

void daemon_stream_collect(struct daemon *d)
{
    struct snapshot *s = &d->snapshot;
    s->stream_configured = d->stream != NULL;
    if (!d->stream)
        return;
    const struct stream_status *st = stream_status(d->stream);
    s->stream_connected = st->connected;
    s->stream_events = st->events;
    s->stream_reconnects = st->reconnects;
    s->stream_since_ns = st->since_wall_ns;
    s->stream_event_ns = st->event_wall_ns;
    str_copy_cut(s->stream_detail, sizeof s->stream_detail, st->detail);
}
