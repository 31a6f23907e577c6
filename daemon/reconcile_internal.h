// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the parts of reconcile only: the conversation with the broker (reconcile.c), comparing
// (reconcile_compare.c) and the one-off reads (reconcile_read.c).
#ifndef PAPERGUARD_DAEMON_RECONCILE_INTERNAL_H
#define PAPERGUARD_DAEMON_RECONCILE_INTERNAL_H

#include "daemon/reconcile.h"
#include "lib/base/fsm.h"
#include "lib/base/list.h"
#include "lib/base/map.h"

#define RECONCILE_STATES(X)                                                                                            \
    X(RC_OFF, "off")                                                                                                   \
    X(RC_IDENTITY, "identity")                                                                                         \
    X(RC_LEDGER, "waiting for the ledger")                                                                             \
    X(RC_CLOCK, "clock")                                                                                               \
    X(RC_CALENDAR, "calendar")                                                                                         \
    X(RC_SURVEY, "orders that the ledger may have lost")                                                               \
    X(RC_ADOPT, "open orders of the ledger")                                                                           \
    X(RC_USAGE, "usage of the day")                                                                                    \
    X(RC_ORDERS, "orders")                                                                                             \
    X(RC_WATERMARK, "newest fill")                                                                                     \
    X(RC_FILLS, "fills")                                                                                               \
    X(RC_DOUBT, "orders of refused fills")                                                                             \
    X(RC_ACCOUNT, "account")                                                                                           \
    X(RC_POSITIONS, "positions")                                                                                       \
    X(RC_ACTIVITIES, "activities")                                                                                     \
    X(RC_BOOKS, "books")                                                                                               \
    X(RC_IDLE, "idle")

#define DRIFT_CODE_MAX 9
#define DOUBT_ORDERS_MAX 10u // of refused fills, asked for in one pass: the rate is everybody's

struct pass_waiter {
    struct list node;
    void (*done)(void *arg, bool in_step, const char *detail);
    void *arg;
};

struct holding_sum { // one symbol over all books
    char symbol[SYMBOL_MAX];
    struct qty qty;
};

enum snapshot_source { SNAPSHOT_START, SNAPSHOT_RUN, SNAPSHOT_TIMER, SNAPSHOT_CLOSE };

struct reconcile {
    struct reconcile_params p;
    enum { RECONCILE_STATES(FSM_ENUM) } state;
    bool adopted;                                     // the ledger's open orders, in this life
    bool waiting;                                     // an answer is under way
    bool restart;                                     // reconcile_start came while an answer was under way
    bool fills_seen;                                  // in this pass
    int64_t activities_boot_ns, activities_newest_at; // read last; 0 = not in this life
    size_t activities_held;                           // the ledger does not know what they do to the books
    char held_text[240], differing_told[120];
    bool fills_refused;            // in this pass, by the ledger
    int64_t refused_since_boot_ns; // 0: the last pass recorded what it read
    bool refused_alerted;
    bool again; // a pass was asked for while one runs
    loop_timer timer;
    int64_t due_boot_ns;  // of the timer
    int64_t told_boot_ns; // when the stream told of something last
    bool stream, nudged;  // the order stream is connected; it told of something that is still to be read
    int64_t nudges_milli, nudged_boot_ns; // passes that nudges may still begin, in thousandths; as of when
    int64_t retry_ms;
    char account[ACCOUNT_NUMBER_MAX];
    struct session_day *days;
    size_t day_count;
    bool surveyed, survey_more; // the ledger knows what the broker has, since it was connected last
    int64_t survey_after;
    size_t survey_pages, survey_lost;
    char survey_first[CLIENT_ORDER_ID_MAX];
    // of the pass under way
    int64_t fills_after;
    char page_token[ACTIVITY_ID_MAX];
    int64_t orders_after;
    bool orders_all, orders_more; // also those that have ended; there is another page
    bool whole;                   // all since the last whole pass that agreed
    int64_t whole_began_wall_ns, whole_due_boot_ns;
    int64_t reconciled_at;      // when that began, by the wall clock; 0: nothing to read from
    struct order_state *closed; // of the list, ended and not followed here
    size_t closed_count, pages;
    int64_t orders_asked_boot_ns; // when the list of all orders was begun; 0: only open ones are read
    size_t new_fills, desk_open_before;
    struct alpaca_fill *page; // of fills on their way into the ledger
    size_t page_count;
    char doubt_ids[DOUBT_ORDERS_MAX][ORDER_ID_MAX]; // orders of refused fills, nobody knows whose
    size_t doubt_count, doubt_next;
    int64_t fills_told_at;             // transaction time of the newest that on_fills was told; 0 = not told any
    char (*fresh_symbols)[SYMBOL_MAX]; // of the fills on the page that happened just now
    size_t fresh_count;
    struct list waiters, next_waiters;
    // last read
    struct alpaca_account broker_account;
    struct alpaca_position *positions;
    size_t position_count;
    struct holding_sum *sums;
    size_t sum_count;
    struct money ledger_cash;
    bool opened, books_known;
    int64_t fill_count;
    // verdict
    bool in_step, compared;
    char reason[200];
    int64_t failing_since_boot_ns; // no pass has ended since then because a read fails; 0: none fails
    char stalled[160];             // what fails, when that lasts; "" = nothing
    int64_t mismatch_since_boot_ns;
    char mismatch[280]; // what differs, since then
    bool mismatch_alerted;
    int64_t full_pass_boot_ns, calendar_boot_ns, books_boot_ns; // books: when they were asked for
    struct list jobs;                                           // one-off reads under way
    size_t assigning; // of them: how many are on their way into the ledger to change the books
    int64_t assigned_boot_ns;
    struct map *quarantine; // by client order id: orders at the broker that are not ours
    struct list words;      // of operators about them, on their way into the ledger
    struct map *others;     // ids that the broker lists and that are nobody's here to follow
    // snapshots: the run that settled last, the ones that are written
    bool snapshot_under_way;
    enum snapshot_source snapshot_source;
    char snapshot_run[RUN_ID_MAX], snapshot_run_asked[RUN_ID_MAX], snapshot_run_done[RUN_ID_MAX];
    struct day snapshot_session, snapshot_close_done;
    int64_t snapshot_boot_ns; // 0: none in this life
};

// One-off reads (reconcile_read.c): several may be under way.
struct bars_of {
    char symbol[SYMBOL_MAX];
    struct alpaca_bar *bars;
    size_t count, cap;
};

struct job {
    struct list node;
    struct reconcile *r;
    char **symbols;
    size_t symbol_count;
    size_t pending; // answers outstanding
    bool bad;
    char detail[200];
    loop_timer timer;
    void (*done)(void *arg, bool ok, const char *detail);
    void (*bars_done)(void *arg, bool ok, const struct signal_bars *bars, size_t count, const char *detail);
    void *arg;
    struct day today;  // of a refresh
    size_t next_asset; // of the symbols, the first that was not looked at for its asset
    // bars
    struct bars_of *bars;
    size_t bar_count;
    char span[160]; // the query behind the symbols
    size_t first;   // of the symbols asked for now
    // what is there: for an opening, and for accepting a difference
    struct alpaca_account account;
    struct alpaca_position *positions;
    size_t position_count;
    int64_t watermark, watermark_again;
    struct order_state listed; // whose it is
    // accepting a difference
    bool drift;
    char code[DRIFT_CODE_MAX], reason[200], operator[64];
    struct { // what an operator gives to a strategy
        char symbol[SYMBOL_MAX], strategy[BOOK_NAME_MAX];
        struct qty qty, held;
        int64_t at_ns;
        bool doubt; // it may be in the ledger already
    } assign;
};

struct job *reconcile_job_new(struct reconcile *r, const char *const *symbols, size_t count);
void reconcile_job_spoil(struct job *j, const char *what, const char *why);
bool reconcile_job_good(struct job *j, const struct broker_answer *a, const char *what) MUST_CHECK; // else spoils
void reconcile_job_end(struct job *j);                                                              // tells and frees
void reconcile_job_end_soon(struct job *j);

// The conversation's moves (reconcile.c).
void reconcile_ask(struct reconcile *r, enum guard_op op, const char *query, broker_done_fn *done);
bool reconcile_take_answer(struct reconcile *r) MUST_CHECK; // first thing in every answer
bool reconcile_usable(struct reconcile *r, const struct broker_answer *a, const char *what) MUST_CHECK;
bool reconcile_ledger_usable(struct reconcile *r, enum ledger_result result, const char *what) MUST_CHECK;
void reconcile_failed(struct reconcile *r, const char *what, const char *detail);
void reconcile_good(struct reconcile *r, int to); // this step is done, on to the next
void reconcile_survey(struct reconcile *r);       // reconcile_survey.c
void reconcile_ask_point(struct reconcile *r);    // up to when all was found; then on to the orders
// Activities (reconcile_fills.c).
void reconcile_ask_watermark(struct reconcile *r);
void reconcile_ask_fills(struct reconcile *r);
void reconcile_ask_activities(struct reconcile *r);
bool reconcile_cash_within(const struct reconcile *r, struct money broker) MUST_CHECK; // a cent per fill
// "" when these figures of the broker are the ledger's.
void reconcile_drift_code(const struct reconcile *r, const struct alpaca_position *positions, size_t count,
                          struct money cash, char out[DRIFT_CODE_MAX]);
// Compares ledger and broker after a pass without new fills; sets in_step and reason. settled: no order was open
// either. While one is, a fill may be on its way: that they agree counts at once, a difference only when it lasts.
bool reconcile_compare(struct reconcile *r, bool settled);
// Sums of all books by symbol; false when one does not fit the number range.
bool reconcile_sum_books(struct reconcile *r, const struct ledger_books *books) MUST_CHECK;
void reconcile_set_reason(struct reconcile *r, bool in_step, const char *format, ...) PRINTF_LIKE(3, 4);
// A read fails: for longer than a moment, what was found before says nothing about now.
void reconcile_pass_fails(struct reconcile *r, const char *what, const char *detail);
void reconcile_pass_is_whole(struct reconcile *r);
// The ledger refuses fills: for a moment that is the order of events, for longer it is an alert.
void reconcile_fills_refused(struct reconcile *r, const char *detail);
// Orders that the broker tells of and the desk does not follow (reconcile_found.c).
void reconcile_not_followed(struct reconcile *r, const struct order_state *s);
// One of a list. PASSED_OVER: it has ended, is not ours and cannot be read; told once; only s->submitted_at is set.
enum order_read { ORDER_READ, ORDER_PASSED_OVER, ORDER_UNREADABLE };
enum order_read reconcile_order_read(struct reconcile *r, const struct json_node *n, struct order_state *s,
                                     struct err *err) MUST_CHECK;
// The broker's lists of orders (reconcile_orders.c).
#define RECONCILE_OVERLAP_NS (600 * NS_PER_S) // what is listed late, behind newer ones, is found by then
#define RECONCILE_PAGES_MAX 2000              // of one list in one pass
void reconcile_ask_orders(struct reconcile *r);
// What the page behind one that ends at `newest` is asked for after: it may begin with others of that moment.
int64_t reconcile_page_after(int64_t after, int64_t newest);
void reconcile_whole_soon(struct reconcile *r); // the next pass is a whole one
void reconcile_whole_ended(struct reconcile *r, bool agree);
// Orders that are not ours (reconcile_quarantine.c). says: true when it is one of them. begin and pass: before the
// lists of a pass are read, and after.
bool reconcile_quarantine_says(struct reconcile *r, const struct order_state *s);
void reconcile_quarantine_put(struct reconcile *r, const struct order_state *s);
void reconcile_quarantine_load(struct reconcile *r, const struct ledger_quarantined *rows, size_t n);
void reconcile_quarantine_begin(struct reconcile *r);
void reconcile_quarantine_pass(struct reconcile *r);
void reconcile_quarantine_free(struct reconcile *r);
void reconcile_ask_doubt(struct reconcile *r); // whose orders the refused fills are of
void reconcile_jobs_free(struct reconcile *r);
// Quotes for fills that happened just now.
void reconcile_note_fresh(struct reconcile *r, const struct alpaca_fill *fills, size_t count);
void reconcile_fill_quotes(struct reconcile *r);
// After account, positions and books were read: keeps them when it is time.
void reconcile_snapshot(struct reconcile *r);
int reconcile_positions_parse(const struct json_node *list, struct alpaca_position **out, size_t *count,
                              struct err *err) MUST_CHECK; // *out is the caller's
int reconcile_calendar_parse(const struct json_node *list, struct session_day **out, size_t *count,
                             struct err *err) MUST_CHECK;

#endif
