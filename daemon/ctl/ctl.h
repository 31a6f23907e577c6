// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator's command line: what its parts share. It knows the daemon only by the admin socket; a few verbs read the
// files themselves.
#ifndef PAPERGUARD_DAEMON_CTL_H
#define PAPERGUARD_DAEMON_CTL_H

#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>

#include "lib/base/json_read.h"
#include "lib/base/json_write.h"
#include "lib/base/text.h"

// Exit codes: EX_OK 0, CTL_REFUSED 1, EX_USAGE 64, EX_UNAVAILABLE 69, EX_TEMPFAIL 75, EX_NOPERM 77, EX_CONFIG 78.
#define CTL_REFUSED 1

#define CTL_DEFAULT_CONFIG "/etc/paperguard/paperguard.conf"
#define CTL_DEFAULT_SOCKET "/run/paperguard/admin.sock"
#define CTL_PATH_MAX 1024
#define CTL_BODY_MAX 4096

struct ctl_options {
    const char *config, *socket, *instance; // NULL: not given
    bool config_after_verb;                 // "check --config FILE": look at the file, not at the daemon
    bool json, wide, wait, offline, nagios, parked, reduce_only, follow, help;
    const char *run, *symbol, *status, *strategy, *book, *qty, *url, *environment, *format, *lasts;
    const char *prices, *from, *to, *seed, *capital, *database,
        *dump; // of a rehearsal; from, to and dump of an audit, too
    const char *head;
    int64_t limit, timeout_s, days; // 0: not given
};

struct ctl {
    struct ctl_options options;
    const char *socket; // resolved; owned
    char instance_config[160];
    char **words; // after the verb
    size_t word_count;
    int64_t call_timeout_s; // longest wait for one answer; 0: 30 s
    char *const *envp;
};

// --- verbs.c: the tables from which command line, help, manual and completion are made
typedef int ctl_verb_fn(struct ctl *c);
enum ctl_group { CTL_LOOKS, CTL_ACTS, CTL_SETS_UP, CTL_GROUP_COUNT, CTL_HIDDEN = CTL_GROUP_COUNT };
struct ctl_verb {
    const char *name; // one word or two
    // As shown in help. Upper-case words name what is expected (and what completion offers); options in it are those
    // that the verb knows besides the global ones.
    const char *arguments;
    const char *help; // one line
    const char *more; // further sentences for the manual and the help of the verb; "" none
    ctl_verb_fn *run;
    size_t least, most; // words
    enum ctl_group group;
    bool local; // works without the daemon
};
extern const struct ctl_verb ctl_verbs[];
extern const size_t ctl_verb_count;

enum ctl_option_kind { CTL_FLAG, CTL_TEXT, CTL_NUMBER };
struct ctl_option {
    const char *name;
    enum ctl_option_kind kind;
    size_t offset; // in struct ctl_options
    const char *argument;
    const char *help; // NULL: belongs to single verbs, whose help tells
    const char *more; // further sentences for the manual, or NULL
};
extern const struct ctl_option ctl_option_table[];
extern const size_t ctl_option_count;
struct ctl_exit {
    int code;
    const char *text;
};
extern const struct ctl_exit ctl_exits[];
extern const size_t ctl_exit_count;
bool ctl_verb_knows(const struct ctl_verb *v, const char *option);

// --- help.c, completion.c: what is made of the tables
void ctl_help(FILE *out);
void ctl_help_verb(FILE *out, const struct ctl_verb *v);
void ctl_manual(FILE *out);     // the whole page, mdoc
void ctl_completion(FILE *out); // for bash

// --- instance.c: which daemon is meant
int ctl_instance(struct ctl *c) MUST_CHECK;    // --instance becomes its config
int ctl_find_socket(struct ctl *c) MUST_CHECK; // c->socket
void ctl_other_instances(FILE *out);           // those that run, one line, or nothing

// --- call.c: one request to the daemon
struct ctl_answer {
    int status;           // HTTP
    char *body;           // owned
    struct json_doc *doc; // owned; NULL when it is not JSON
};
// EX_OK with an answer of any status, or the exit code, said on stderr.
int ctl_call(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out) MUST_CHECK;
// As ctl_call; a status that is not 2xx is said on stderr and becomes its exit code. With --json the body is printed.
int ctl_ask(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out) MUST_CHECK;
// As ctl_ask for a verb that asks more than once: nothing is printed but what went wrong.
int ctl_get(struct ctl *c, const char *path, struct ctl_answer *out) MUST_CHECK;
// Says what a refusal says and frees it; its exit code.
int ctl_refused(struct ctl_answer *a);
void ctl_answer_free(struct ctl_answer *a);
const struct json_node *ctl_root(const struct ctl_answer *a);
void ctl_pause_ms(long ms);
// The body of a POST, an object: begun, filled, and sent as ctl_ask does; ctl_post frees it.
void ctl_body_begin(struct text *t, struct json_out *o);
void ctl_put_reason(const struct ctl *c, size_t first, const char *otherwise,
                    struct json_out *o);                                        // the words from first
void ctl_put_strategies(const struct ctl *c, size_t count, struct json_out *o); // the first words
int ctl_post(struct ctl *c, const char *path, struct text *body, struct json_out *o, struct ctl_answer *out) MUST_CHECK;

// --- steps.c: verbs in two steps; those that the daemon serves by admin_steps.h. first: where the token stands among
// the words, with the reason behind it; there is none in the first step.
bool ctl_step_confirms(const struct ctl *c, size_t first);
int ctl_step_check(const struct ctl *c, size_t first) MUST_CHECK; // EX_USAGE, said on stderr: a token without a reason
void ctl_step_put(const struct ctl *c, size_t first, struct json_out *o); // members code and reason, in the second
void ctl_step_token(const struct json_node *root, const char *then);      // for people: the token, and what comes next

// --- show.c, tone.c: for people. What comes from elsewhere is printed without control bytes.
enum { CTL_RIGHT = 1, CTL_MAY_GO = 2, CTL_TONE = 4 }; // numbers; left out when too narrow; coloured by its word
struct ctl_column {
    const char *title, *member; // member of the row's object, "a.b" for one inside another
    unsigned flags;
};
void ctl_table(const struct ctl *c, const struct json_node *rows, const struct ctl_column *columns, size_t count);
const struct json_node *ctl_at(const struct json_node *n, const char *path); // "health.guard.answer"; NULL
// The value as text: string, number's text, yes / no, "" for null or missing. Borrowed.
const char *ctl_text(const struct json_node *n, const char *path);
bool ctl_is(const struct json_node *n, const char *path, const char *value);
int64_t ctl_int(const struct json_node *n, const char *path); // 0 when it is none
void ctl_print(FILE *out, const char *text);                  // without control bytes
void ctl_line(const char *label, const char *format, ...) PRINTF_LIKE(2, 3);
const char *ctl_ny(const char *utc, char buf[WHEN_TEXT_MAX]); // New York time of a UTC text, for people
enum ctl_tone { CTL_PLAIN, CTL_GOOD, CTL_WATCH, CTL_BAD, CTL_DIM };
enum ctl_tone ctl_tone_of(const char *word);
const char *ctl_tone_on(enum ctl_tone tone); // "" unless stdout is a terminal that wants colour
const char *ctl_tone_off(void);
// As ctl_line, in the tone of `word`.
void ctl_toned(const char *label, const char *word, const char *format, ...) PRINTF_LIKE(3, 4);

// --- near.c: names that an operator may have guessed wrong
// "paperguard: WHAT "WORD" is unknown; did you mean ...?" and EX_USAGE.
int ctl_unknown(const char *what, const char *word, const char *const *known, size_t count);
#define CTL_NAMES_MAX 512
struct ctl_names { // owned
    char *names[CTL_NAMES_MAX];
    size_t count;
};
void ctl_names_add(struct ctl_names *n, const char *name); // once each
void ctl_names_free(struct ctl_names *n);
// The order that `word` means: its id or the beginning of one, or its client order id, among those that the daemon
// lists under `path` as `member`. EX_OK, or the code, said on stderr.
#define CTL_ORDER_ID_MAX 160
struct ctl_orders {
    const char *path, *member, *id;
    const char *none, *one, *several; // as they are called
};
int ctl_order_id(struct ctl *c, const struct ctl_orders *of, const char *word, char out[CTL_ORDER_ID_MAX]) MUST_CHECK;
// The run that `word` means: its id, the beginning of one, or "last". EX_OK, or the code, said on stderr.
int ctl_run_id(struct ctl *c, const char *word, char out[64]) MUST_CHECK;
// Is the name one of the daemon's strategies (books, with unassigned; symbols)? Asks the daemon.
int ctl_check_strategy(struct ctl *c, const char *name) MUST_CHECK;
int ctl_check_book(struct ctl *c, const char *name) MUST_CHECK;
int ctl_check_symbol(struct ctl *c, const char *name) MUST_CHECK;

// --- explain.c: reason codes
void ctl_codes_list(FILE *out);              // one a line
const char *ctl_code_in(const char *reason); // the first that a reason names; NULL
void ctl_codes_manual(FILE *out);            // mdoc

// --- local.c: with the database that config, environment and options name; what fn returns, or the exit code
int ctl_with_database(struct ctl *c, int (*fn)(struct ctl *c, const char *dsn, const char *password, void *arg),
                      void *arg) MUST_CHECK;

// --- verbs
ctl_verb_fn ctl_status;                                                             // status.c
ctl_verb_fn ctl_runs, ctl_run, ctl_why;                                             // run.c, why.c
ctl_verb_fn ctl_orders, ctl_fills, ctl_positions;                                   // read.c
ctl_verb_fn ctl_positions_assign;                                                   // assign.c
ctl_verb_fn ctl_flatten;                                                            // flatten.c
ctl_verb_fn ctl_limits_raise, ctl_limits_revert;                                    // raise.c
ctl_verb_fn ctl_halt, ctl_release_request, ctl_release_confirm, ctl_opening_accept; // write.c
ctl_verb_fn ctl_strategies, ctl_strategies_pause, ctl_strategies_resume;            // strategies.c
ctl_verb_fn ctl_selftest;                                                           // selftest.c
ctl_verb_fn ctl_keys, ctl_keys_rotate;                                              // keys.c
ctl_verb_fn ctl_plan, ctl_limits;                                                   // plan.c
ctl_verb_fn ctl_config_show, ctl_config_diff;                                       // config.c
ctl_verb_fn ctl_logs;                                                               // logs.c
ctl_verb_fn ctl_orders_resolve, ctl_orders_retry, ctl_drift, ctl_drift_accept;      // resolve.c
ctl_verb_fn ctl_quarantine, ctl_quarantine_adopt, ctl_quarantine_cancel;            // quarantine.c
ctl_verb_fn ctl_next;                                                               // next.c
ctl_verb_fn ctl_rehearse;                                                           // rehearse.c
ctl_verb_fn ctl_explain;                                                            // explain.c
ctl_verb_fn ctl_check, ctl_db_init, ctl_db_status, ctl_db_migrate;                  // local.c
ctl_verb_fn ctl_audit_verify, ctl_audit_dump, ctl_audit_head;                       // audit.c
ctl_verb_fn ctl_gate;                                                               // gate.c
ctl_verb_fn ctl_complete;                                                           // near.c

#endif
