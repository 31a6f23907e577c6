// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the loop shows to the other doors of libevent (http_server, websocket) and to nobody else: its event base, for
// bufferevents and listeners. Base and loop live equally long; whoever attached something detaches it before loop_free.
#ifndef PAPERGUARD_IO_LOOP_EVENT_H
#define PAPERGUARD_IO_LOOP_EVENT_H

struct loop;
struct event_base;

struct event_base *loop_event_base(struct loop *l);

#endif
