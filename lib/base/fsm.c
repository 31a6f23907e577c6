// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The one place where state machines move.
#include "lib/base/fsm.h"

#include <stdio.h>

#include "lib/base/log.h"

void fsm_move(const char *what, const char *id, const uint32_t *moves, const char *const *names, unsigned from,
              unsigned to)
{
    CHECK(from < 32 && to < 32);
    if ((moves[from] & FSM_BIT(to)) == 0) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s %s may not move from %s to %s", what, id, names[from], names[to]);
        check_failed(text, __FILE__, __LINE__, __func__);
    }
    log_debug("%s %s: %s -> %s", what, id, names[from], names[to]);
}
