// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Children in units of their own: whoever asks sends one message on a Unix stream socket, JSON with the ends of five
// pipes; the service manager starts a process with that socket as its stdin, which becomes the child's keeper. So the
// child has the unit's user, network, limits and cgroup, and the asker needs no right to start anything.
#ifndef PAPERGUARD_IO_CHILD_SERVICE_H
#define PAPERGUARD_IO_CHILD_SERVICE_H

#include "lib/io/child.h"

struct child_ends;

// 0: the pipes are handed over; what becomes of it is told through them.
int child_service_ask(const struct child_params *params, const struct child_ends *ends, struct err *err) MUST_CHECK;
// The other side: becomes the keeper of what the socket asks for, in the folder `state`/NAME. Returns only when there
// is no good request.
int child_service_serve(int socket, const char *state, struct err *err);

#endif
