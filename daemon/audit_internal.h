// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the audit's own files share: one chain as it is walked.
#ifndef PAPERGUARD_DAEMON_AUDIT_INTERNAL_H
#define PAPERGUARD_DAEMON_AUDIT_INTERNAL_H

#include "daemon/audit.h"
#include "lib/base/text.h"

#define AUDIT_WINDOW 64 // rows that are looked at where a chain breaks

struct walk {
    char *host, *instance;
    int64_t seq; // of the last row that follows from the one before
    char hash[DIGEST_HEX_MAX], before[DIGEST_HEX_MAX];
    int64_t lowest, rows;
    bool begun, anchored, cut; // anchored: rows before `from` were skipped; cut: rows after `to`
    struct audit_row first;    // when the chain does not begin at row 1; owned
    bool has_first, vouched;
    bool bad; // the rows from here on are in the window
    struct audit_row window[AUDIT_WINDOW];
    size_t kept;
    bool has_head;
    int64_t head_seq;
    char head[DIGEST_HEX_MAX];
    enum audit_fault fault;
    int64_t broken;
    char detail[200];
};

bool audit_follows(const char *before, const struct audit_row *row, int64_t seq);
void walk_fault(struct walk *w, enum audit_fault fault, int64_t seq, const char *format, ...) PRINTF_LIKE(4, 5);
void walk_judge(struct walk *w); // by the window

#endif
