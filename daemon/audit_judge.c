// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What was done to a chain where it breaks. Each row's hash says which hash it came after and which number it had, so
// that a row finds its place again: what belongs here may stand further on, what stands here may belong elsewhere.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/audit_internal.h"

void walk_fault(struct walk *w, enum audit_fault fault, int64_t seq, const char *format, ...)
{
    va_list args;
    w->fault = fault;
    w->broken = seq;
    va_start(args, format);
    vsnprintf(w->detail, sizeof w->detail, format, args);
    va_end(args);
}

// Which of the rows in the window follows from the last good one? 0: none but perhaps the first.
static size_t belongs_here(const struct walk *w)
{
    for (size_t i = 1; i < w->kept; i++)
        if (audit_follows(w->hash, &w->window[i], w->seq + 1))
            return i;
    return 0;
}

// Was the row once written behind one of the others?
static bool belongs_elsewhere(const struct walk *w, const struct audit_row *row)
{
    for (size_t i = 0; i < w->kept; i++) {
        const struct audit_row *other = &w->window[i];
        for (int64_t seq = other->seq; seq <= other->seq + 1; seq++)
            if (audit_follows(other->hash, row, seq) || audit_follows(other->hash, row, w->seq + 2))
                return true;
    }
    return false;
}

static void judge_gap(struct walk *w, int64_t expected)
{
    const struct audit_row *row = &w->window[0];
    for (size_t i = 1; i < w->kept; i++)
        if (w->window[i].seq == expected) {
            walk_fault(w, AUDIT_REORDERED, expected, "row %lld stands behind row %lld", (long long)expected,
                       (long long)row->seq);
            return;
        }
    walk_fault(w, AUDIT_REMOVED, expected, "rows %lld to %lld are not there", (long long)expected,
               (long long)row->seq - 1);
}

// How many rows before the second in the window are gone, and those behind them counted anew? 0: none.
static int64_t renumbered(const struct walk *w)
{
    for (int64_t gone = 1; w->kept > 1 && gone <= AUDIT_WINDOW; gone++)
        if (audit_follows(w->window[0].hash, &w->window[1], w->window[1].seq + gone))
            return gone;
    return 0;
}

void walk_judge(struct walk *w)
{
    const struct audit_row *row = &w->window[0];
    const int64_t expected = w->seq + 1;
    if (row->seq > expected) {
        judge_gap(w, expected);
    } else if (w->has_first && row->seq < w->first.seq) {
        walk_fault(w, AUDIT_REORDERED, row->seq, "row %lld stands behind row %lld", (long long)row->seq,
                   (long long)w->first.seq);
    } else if (row->seq < expected) {
        walk_fault(w, AUDIT_INSERTED, row->seq, "row %lld comes twice", (long long)row->seq);
    } else if (belongs_here(w) > 0) {
        long long from = (long long)w->window[belongs_here(w)].seq;
        if (belongs_elsewhere(w, row))
            walk_fault(w, AUDIT_REORDERED, expected, "what was row %lld is row %lld now, and another is in its place",
                       (long long)expected, from);
        else
            walk_fault(w, AUDIT_INSERTED, expected, "row %lld was put in: what stood there is row %lld now",
                       (long long)expected, from);
    } else if (w->seq > 0 && audit_follows(w->before, row, w->seq)) {
        walk_fault(w, AUDIT_INSERTED, w->seq, "row %lld was put in: what stood there is row %lld now",
                   (long long)w->seq, (long long)expected);
    } else if (renumbered(w) > 0) {
        walk_fault(w, AUDIT_REMOVED, expected,
                   "%lld rows from row %lld on are not there, and those behind them have their numbers",
                   (long long)renumbered(w), (long long)expected);
    } else {
        walk_fault(w, AUDIT_CHANGED, expected,
                   "row %lld is not what was written: it does not make its hash after row %lld", (long long)expected,
                   (long long)w->seq);
    }
}
