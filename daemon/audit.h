// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chain of decisions, recomputed: each row's hash is SHA-256 over the hash before it and the row's own words as one
// JSON array, ["HASH", "HOST", "INSTANCE", SEQ, "KEY", "KIND", "SUBJECT", "ANSWER", "RULE", "DETAIL", "AT"]. Nothing of
// the SQL that writes the chain is used here. Pure: rows come as parameters, in order, chain by chain or mixed.
//
// A chain begins at row 1, or behind what retention removed: then a checkpoint among its rows stands for what was
// removed (kind audit, answer checkpoint; its subject is the last row that was removed, its rule that row's hash).
#ifndef PAPERGUARD_DAEMON_AUDIT_H
#define PAPERGUARD_DAEMON_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"

struct json_node;

struct audit_row { // texts borrowed
    const char *host, *instance;
    int64_t seq;
    const char *key, *kind, *subject, *answer, *rule, *detail, *at, *hash;
};
#define AUDIT_KIND "audit"
#define AUDIT_CHECKPOINT "checkpoint"

const char *audit_hash(const char *before, const struct audit_row *row, char out[DIGEST_HEX_MAX]);

// What was wrong with a chain first.
enum audit_fault { AUDIT_WHOLE, AUDIT_CHANGED, AUDIT_REMOVED, AUDIT_INSERTED, AUDIT_REORDERED, AUDIT_HEAD };
const char *audit_fault_name(enum audit_fault f); // "whole", "changed", ..., "head"

struct audit_chain { // as it was found; texts borrowed until audit_free
    const char *host, *instance;
    int64_t first, last, rows; // seq; rows that were looked at
    int64_t removed_to;        // by retention, 0 nothing; from there on the rows are looked at
    const char *head;          // hash of the last row
    enum audit_fault fault;
    int64_t broken; // seq of the first row that is not as it was written
    const char *detail;
};

struct audit;
struct audit *audit_new(void);
void audit_free(struct audit *a);
// Rows before `from` and after `to` (days of UTC, "2026-11-21"; NULL: all) are taken as they are.
void audit_between(struct audit *a, const char *from, const char *to);
// A head that was stored elsewhere: it must turn up in a chain. seq 0: not known. hash: 64 hex digits, else -1.
int audit_expect(struct audit *a, const char *hash, int64_t seq, struct err *err) MUST_CHECK;
void audit_add(struct audit *a, const struct audit_row *row);
// What the database (or the end of a dump) says is a chain's head.
void audit_head(struct audit *a, const char *host, const char *instance, int64_t seq, const char *hash);
// The same from a line of a dump: a row, or {"head":{...}}. -1: it is neither.
int audit_add_json(struct audit *a, const struct json_node *line, struct err *err) MUST_CHECK;
// After the last row. Are all chains whole, and all expected heads in them?
bool audit_end(struct audit *a);
size_t audit_chains(const struct audit *a);
void audit_chain(const struct audit *a, size_t i, struct audit_chain *out);
// The expected heads that no chain has: the first one's hash, "" none.
const char *audit_missing(const struct audit *a, int64_t *seq);

#endif
