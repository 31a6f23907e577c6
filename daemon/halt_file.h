// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The halt state on disk: STATE_DIR/halt.state, written whole or not at all and sealed with a digest, and the folder
// STATE_DIR/halt.d, where any file is a halt.
#ifndef PAPERGUARD_DAEMON_HALT_FILE_H
#define PAPERGUARD_DAEMON_HALT_FILE_H

#include "lib/base/err.h"
#include "lib/guard/guard_facts.h"

#define HALT_TEXT_MAX 160
#define HALT_KEY_SEEN_NS (INT64_C(3) * NS_PER_S) // Redis is asked more often: older, it does not answer

struct halt_record {
    enum fact_halt state; // never UNKNOWN in a file
    char reason[HALT_TEXT_MAX], source[HALT_TEXT_MAX];
    int64_t at_ns;
};

enum halt_file_result { HALT_FILE_OK, HALT_FILE_MISSING, HALT_FILE_ODD };
// OK fills *out; ODD says in err what is wrong with the file.
enum halt_file_result halt_file_read(const char *state_dir, struct halt_record *out, struct err *err) MUST_CHECK;
// Durable when it returns 0: temporary file, fsync, rename, fsync of the folder.
int halt_file_write(const char *state_dir, const struct halt_record *record, struct err *err) MUST_CHECK;
// The same for the halt of one strategy: STATE_DIR/halt.strategy.NAME.
enum halt_file_result halt_file_read_of(const char *state_dir, const char *strategy, struct halt_record *out,
                                        struct err *err) MUST_CHECK;
int halt_file_write_of(const char *state_dir, const char *strategy, const struct halt_record *record,
                       struct err *err) MUST_CHECK;
// A file whose name begins so lets orders leave that can only shrink a position; any other is a full halt.
#define HALT_FOLDER_REDUCE_ONLY "reduce_only"
// A file called so, after that or not, halts the strategy alone; when there is no such strategy, the account.
#define HALT_FOLDER_STRATEGY "strategy="
struct halt_folder_strategies { // which there are, and what the folder says of each
    size_t count;
    char names[GUARD_SCOPES_MAX][BOOK_NAME_MAX];
    enum fact_halt found[GUARD_SCOPES_MAX]; // RUNNING: nothing
};
// 1: a file is there (the name of one of the strictest), 0: none, -1: cannot be read. Those of a strategy do not count.
int halt_folder_look(const char *state_dir, char name[HALT_TEXT_MAX], struct halt_folder_strategies *strategies,
                     struct err *err) MUST_CHECK;

#endif
