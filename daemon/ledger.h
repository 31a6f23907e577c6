// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger: everything that must not be lost, in Postgres. Only it writes SQL, only it mints intent receipts (after
// COMMIT). All calls are asynchronous; each has exactly one completion, never from within the call.
#ifndef PAPERGUARD_DAEMON_LEDGER_H
#define PAPERGUARD_DAEMON_LEDGER_H

#include "daemon/facts.h"
#include "lib/guard/receipt.h"
#include "lib/io/loop.h"
#include "lib/trade/alpaca_json.h"
#include "lib/trade/planner.h"
#include "lib/trade/portfolio.h"
#include "lib/trade/session.h"

#define RUN_ID_MAX 40

struct ledger;

// OK: durable. CONFLICT: a row with that key exists with other content, or a rule of the ledger refused. DOWN: nothing
// was written. LOST: the connection broke between sending and the answer; ask again by key (all writes here are
// idempotent by key, so calling again with the same values is the way to ask).
enum ledger_result { LEDGER_OK, LEDGER_CONFLICT, LEDGER_DOWN, LEDGER_LOST };
const char *ledger_result_name(enum ledger_result r);
typedef void ledger_done_fn(void *arg, enum ledger_result result, const char *detail);

// CONNECTING -> CHECKING (marker) -> MIGRATING -> LOADING (halt rows, first-seen account) -> READY; UNMARKED and
// MISMATCH are refusals (marker missing / another environment / checksum of a migration differs) that stay until the
// next connect; an UNMARKED database is looked at again every few seconds, for `paperguard db init` may come late.
enum ledger_state {
    LEDGER_CONNECTING,
    LEDGER_CHECKING,
    LEDGER_UNMARKED,
    LEDGER_MISMATCH,
    LEDGER_MIGRATING,
    LEDGER_LOADING,
    LEDGER_READY
};

struct ledger_params {
    struct loop *loop;
    const char *dsn, *password; // copied
    const char *environment;    // "staging": must equal the marker
    const char *host;           // this host's name
    const char *instance;
    int64_t statement_timeout_ms;
    void (*on_state)(void *arg, enum ledger_state state, const char *detail);
    // From LOADING, each time: what Postgres says of halt and account (pushed on to halt and facts by main).
    // The halts of single strategies, as scopes_set_database takes them: at the start, and when they change.
    void (*on_scopes)(void *arg, const char *json);
    void (*on_halt)(void *arg, bool known, bool host_seen, enum fact_halt state, const char *reason);
    void (*on_first_seen)(void *arg, bool known, const char *account_number);
    // The database refused a write because the epoch is over (see ledger_set_leader): another host leads.
    void (*on_fenced)(void *arg, const char *detail);
    // What was known of the ledger, kept outside of it ("" nothing), and what is to be kept from now on.
    const char *(*mark)(void *arg);
    void (*on_mark)(void *arg, const char *mark);
    // Before READY: the database lacks what was known (older), or is another one. detail says which.
    void (*on_restored)(void *arg, bool older, const char *detail);
    void (*on_answered)(void *arg); // Postgres answered something just now (also from a heartbeat, twice a second)
    void *arg;
};
struct ledger *ledger_new(const struct ledger_params *params);
void ledger_free(struct ledger *l); // completions still open are dropped without a call: their askers go first
enum ledger_state ledger_state_of(const struct ledger *l);
const char *ledger_state_name(enum ledger_state s);
// For how long Postgres has answered nothing though it was asked, on both connections when both are up; 0 when it owes
// no answer. It is asked twice a second.
int64_t ledger_unanswered_ns(const struct ledger *l);

// From now on what changes runs, intents, orders, books and pauses is written in this epoch of the account, and no
// longer once it is over. Before, such calls are answered DOWN: a host that does not lead writes decisions, alerts and
// halts only.
void ledger_set_leader(struct ledger *l, const char *account, int64_t epoch);
// First account seen: writes number if none is stored yet; answers what is stored through on_first_seen.
void ledger_account_seen(struct ledger *l, const char *account_number, int64_t now_ns);
// Of the account (NULL) or one strategy.
void ledger_halt_write(struct ledger *l, const char *strategy, enum fact_halt state, const char *reason,
                       const char *source, int64_t at_ns);

// --- runs
enum run_status {
    RUN_CLAIMED,
    RUN_PLANNED,
    RUN_SENDING,
    RUN_SETTLING,
    RUN_COMPLETED,
    RUN_PARTIAL,
    RUN_FAILED,
    RUN_MISSED
};
const char *run_status_name(enum run_status s);
bool run_status_parse(const char *word, enum run_status *out) MUST_CHECK;
struct run_row {
    char id[RUN_ID_MAX];
    char account[ACCOUNT_NUMBER_MAX];
    struct day session;
    char slot_key[SLOT_KEY_MAX]; // "manual-N" is filled in by the ledger when it is "manual"
    char label[SLOT_SPEC_MAX];
    char cause[32];       // "schedule", "cli", "http"
    char strategies[512]; // names, space separated
    enum run_status status;
    int64_t scheduled_at, started_at, planned_at, completed_at, deadline_at; // 0 = not yet
    int64_t signals, orders_submitted, orders_accepted, orders_rejected, fills;
    // Legs: of the plan; of them not handed to the broker; refused by it, or ended short of their quantity.
    int64_t orders_planned, orders_skipped, orders_failed;
    int64_t symbols, successful_symbols; // looked at; of them, with a price
    bool settled;
    char detail[256];
};
// Claims (account, session, slot). taken=true: another row was there first (row is that one). row->id is new for every
// claim; calling again with the same id asks whether it was taken ("" lets the ledger make one: then nobody can ask
// again).
void ledger_run_claim(struct ledger *l, const struct run_row *row,
                      void (*done)(void *arg, enum ledger_result result, bool taken, const struct run_row *row),
                      void *arg);
void ledger_run_update(struct ledger *l, const struct run_row *row, ledger_done_fn *done,
                       void *arg); // by id; done may be NULL
// Members, legs, allocations and book transfers in one transaction, status planned. Refused when a plan is stored
// already.
struct run_member_row {
    const char *strategy, *status, *detail; // status: ok, failed, late, paused
    const char *model_name, *model_version;
    const char *targets_json; // NULL when it failed
};
void ledger_run_plan(struct ledger *l, const struct run_row *row, const struct run_member_row *members,
                     size_t member_count, const struct plan *plan, ledger_done_fn *done, void *arg);
// Slots with a row in sessions from..to (for slot_decide), and runs that are not finished (for resume).
void ledger_runs_load(struct ledger *l, const char *account, struct day from, struct day to,
                      void (*done)(void *arg, enum ledger_result result, const struct run_row *rows, size_t count),
                      void *arg);

// --- intents and orders
struct intent {              // doubles as the reservation
    char run_id[RUN_ID_MAX]; // "" = outside a run
    int leg, try_no;
    char account[ACCOUNT_NUMBER_MAX];
    struct day session;
    struct order_request order;
    bool reduces;
    struct money reserved; // value judged by risk, rounded up
    struct price decision_price;
    struct price bid, ask;      // at decision, 0 = unknown
    int64_t quote_at, price_at; // the broker's times of them and of decision_price, 0 = unknown; kept beside the intent
    int64_t created_at;         // ns
    int64_t send_until;         // ns; not stored: see desk_send_until. Read for what an operator had sent again
    char strategy[BOOK_NAME_MAX]; // whose book when there is no leg
    char whose[WHOSE_MAX];        // of a leg: strategies; not stored, "": not known
};
static inline const char *intent_whose(const struct intent *in) // as receipt_terms has it
{
    return in->whose[0] ? in->whose : in->strategy[0] ? in->strategy : in->run_id[0] ? WHOSE_UNKNOWN : "";
}
// Commits the intent; on OK gives the receipt (owned by the callee). An intent with the same client_order_id and the
// same content is OK again only while the order was never handed over (status intent); otherwise CONFLICT.
typedef void ledger_intent_done_fn(void *arg, enum ledger_result result, struct receipt *receipt, const char *detail);
void ledger_intent_commit(struct ledger *l, const struct intent *intent, ledger_intent_done_fn *done, void *arg);
struct order_row { // an intent with what is known of its order
    struct intent intent;
    char order_id[ORDER_ID_MAX]; // broker's, "" unknown
    enum order_status status;
    struct qty filled_qty;
    struct price filled_avg_price;
    int64_t sent_at, answered_at, updated_at;
    char reason[160];
};
// Compare-and-set: applies when rank(new) > rank(old), or equal rank and a newer broker time (or the same time and more
// filled); among ours: sending over intent and unknown, unknown over intent and sending, denied / dry_run / not_placed
// over those three, and intent over sending and unknown when the order will be handed over again (refused unseen, or
// proven never to have arrived); whatever the broker says over not_placed, as long as it has no broker id. sent_at is
// the time of the first sending. OK also when it changes nothing; CONFLICT with "stale: ..." when it is refused, or
// when there is no such intent, or the order has another broker id.
void ledger_order_update(struct ledger *l, const char *client_order_id, const char *order_id, enum order_status status,
                         struct qty filled_qty, struct price filled_avg_price, int64_t broker_at, int64_t now_ns,
                         const char *source, const char *reason, ledger_done_fn *done, void *arg);
void ledger_orders_open(struct ledger *l, const char *account, // not terminal, or filled_qty above the sum of its fills
                        void (*done)(void *arg, enum ledger_result result, const struct order_row *rows, size_t count),
                        void *arg);
// A run's stored plan and what became of it so far: for a run of an earlier life.
struct ledger_stored_leg {
    struct plan_leg leg;  // without allocations
    char strategies[512]; // whose it is, space separated
};
struct ledger_stored_plan {
    const struct ledger_stored_leg *legs; // by number
    size_t leg_count;
    const struct order_row *orders; // by leg and try
    size_t order_count;
    int64_t members_failed, fills; // strategies without a usable answer; fills recorded
};
void ledger_run_stored(struct ledger *l, const char *run_id,
                       void (*done)(void *arg, enum ledger_result result, const struct ledger_stored_plan *plan),
                       void *arg);
// One order by its id; row NULL when no intent has it.
void ledger_order_find(struct ledger *l, const char *client_order_id,
                       void (*done)(void *arg, enum ledger_result result, const struct order_row *row), void *arg);
// May this order be sent again because an operator says so? row as ledger_order_find, with the deadline of its run as
// send_until; refused says why not, "" = it may.
void ledger_order_retry(struct ledger *l, const char *client_order_id, struct day session, int64_t now_ns,
                        void (*done)(void *arg, enum ledger_result result, const struct order_row *row,
                                     const char *refused),
                        void *arg);
// Such an order becomes an intent again, so that ledger_intent_commit with the same content gives a receipt: it is sent
// again under its id. CONFLICT says why not. The same call with the same now_ns again changes nothing.
void ledger_order_reopen(struct ledger *l, const char *client_order_id, struct day session, const char *reason,
                         const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg);
// An order that the broker tells of and the desk does not follow: one of ours is brought up to date (it may have been
// given up, here or in an earlier life), another's is noted as such; a fill of either need not wait any more.
void ledger_order_listed(struct ledger *l, const char *account, const struct order_state *state, int64_t now_ns,
                         ledger_done_fn *done, void *arg);
// A parked order that was never placed is seen and closed: it is not sent again. CONFLICT says why not.
void ledger_order_close(struct ledger *l, const char *client_order_id, const char *reason, const char *operator,
                        int64_t now_ns, ledger_done_fn *done, void *arg);
// Orders of the broker that no intent of ours is of (quarantine). What the broker says of one now; news: it was not
// known before, cancel: an operator has asked for its cancel. Ended ones are written once and stay.
void ledger_quarantine_seen(struct ledger *l, const char *account, const struct order_state *state, int64_t now_ns,
                            void (*done)(void *arg, enum ledger_result result, bool news, bool cancel), void *arg);
struct ledger_quarantined {
    struct order_state state;
    bool cancel;
};
void ledger_quarantine_open(struct ledger *l, const char *account, // those that have not ended
                            void (*done)(void *arg, enum ledger_result result, const struct ledger_quarantined *rows,
                                         size_t count),
                            void *arg);
// An operator's word: it is to be cancelled; or it is ours from now on, with what its fills are booked to ("": to
// unassigned). CONFLICT says why not. Adopting with the same now_ns again changes nothing.
void ledger_quarantine_cancel(struct ledger *l, const char *account, const char *order_id, const char *reason,
                              const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg);
void ledger_quarantine_adopt(struct ledger *l, const char *account, const char *order_id, const char *strategy,
                             struct day session, struct money reserved, const char *reason, const char *operator,
                             int64_t now_ns, ledger_done_fn *done, void *arg);
// Which of these orders of the broker's list are of no intent of ours (and have not ended in quarantine), or differ
// from ours in status, filled quantity or id.
struct ledger_difference {
    size_t index; // among the orders
    bool foreign;
    struct qty filled_qty; // ours, as the other two
    char status[32], order_id[ORDER_ID_MAX];
};
void ledger_orders_compare(struct ledger *l, const char *account, const struct order_state *states, size_t count,
                           void (*done)(void *arg, enum ledger_result result, const struct ledger_difference *rows,
                                        size_t count),
                           void *arg);
// Up to when all that the broker lists was found in the ledger, else the time of the opening, else 0.
void ledger_reconciled_read(struct ledger *l, const char *account,
                            void (*done)(void *arg, enum ledger_result result, int64_t at), void *arg);
void ledger_reconciled_write(struct ledger *l, const char *account, int64_t at);
struct day_usage {
    int64_t orders;
    struct money notional;
};
void ledger_day_usage(struct ledger *l, const char *account, struct day session,
                      void (*done)(void *arg, enum ledger_result result, struct day_usage usage), void *arg);

// --- fills, books, cash
// Records activities exactly once by activity id, in one transaction: fill row, entry with postings to the books by the
// leg's allocation (or to `unassigned` when the order is not ours), cash posting. recorded = how many were new.
// CONFLICT with recorded counted: an activity was recorded before with other content (named in detail; nothing of it is
// changed). CONFLICT with 0: nothing was written, for example as long as an order of ours without a broker id could be
// the one that was filled.
void ledger_fills_record(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                         int64_t now_ns,
                         void (*done)(void *arg, enum ledger_result result, size_t recorded, const char *detail),
                         void *arg);
// The orders of these fills (each once, sorted) of which the ledger does not know whose they are: neither ours nor
// noted as another's.
void ledger_fills_whose(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                        void (*done)(void *arg, enum ledger_result result, const char *const *order_ids, size_t count),
                        void *arg);
// The quote that was the newest when fills of this symbol were seen: for those from since_ns on that have none yet.
void ledger_fill_quote(struct ledger *l, const char *account, const struct alpaca_quote *quote, int64_t since_ns,
                       int64_t now_ns);
// Time of the newest fill recorded, else the opening's watermark, else 0.
void ledger_last_activity(struct ledger *l, const char *account,
                          void (*done)(void *arg, enum ledger_result result, int64_t at), void *arg);
// Records activities that are no fills exactly once by id and posts what they do: splits to every book in proportion,
// fees, dividends, interest and the like to the cash. positions are the broker's of now, read after the activities'
// fills: a split is posted only when it leads there. What the ledger does not know is held.
struct ledger_activities {
    size_t recorded, held;
    const char *first_held; // which and why, "" when none is held
    const char *differing;  // ids recorded before with other content, "" none
    int64_t newest_at;      // created_at of the newest, else when the opening was made
};
void ledger_activities_record(struct ledger *l, const char *account, const struct alpaca_activity *activities,
                              size_t count, const struct alpaca_position *positions, size_t position_count,
                              int64_t now_ns,
                              void (*done)(void *arg, enum ledger_result result, const struct ledger_activities *found,
                                           const char *detail),
                              void *arg);
// Makes the ledger say what the broker says: the difference goes to `unassigned` and to cash against equity, as one
// correction entry with reason and operator; held activities are settled by it. CONFLICT when there is nothing to
// correct or orders are open. The same call with the same now_ns again changes nothing.
void ledger_correction(struct ledger *l, const char *account, struct money cash,
                       const struct alpaca_position *positions, size_t count, const char *reason, const char *operator,
                       int64_t now_ns, ledger_done_fn *done, void *arg);
// What the book `unassigned` holds of a symbol, or a part of it, into a strategy's book: a transfer entry with reason
// and operator. CONFLICT when unassigned does not hold `held` of it any more, or anything about the symbol is not over.
struct ledger_assignment {
    const char *account, *symbol, *strategy;
    struct qty qty, held;
    int64_t at_ns; // part of its key: again with the same values changes nothing
    const char *reason, *operator;
};
void ledger_assign(struct ledger *l, const struct ledger_assignment *said, ledger_done_fn *done, void *arg);

struct ledger_books {
    struct book *books; // with unassigned
    size_t count;
    struct money cash;
    bool opened;           // opening entries exist
    int64_t fill_count;    // since opening, for the cent tolerance
    int64_t unbooked;      // orders of runs and strategies of which more is filled than these books show
    int64_t asked_boot_ns; // set by who asks
};
void ledger_books_load(struct ledger *l, const char *account,
                       void (*done)(void *arg, enum ledger_result result, const struct ledger_books *books), void *arg);
// Opening entries: cash and positions to `unassigned`. CONFLICT when they exist. watermark_at: transaction_time of the
// newest broker fill at that moment (0 none): fills up to it are part of the opening, and ledger_fills_record passes
// over them.
void ledger_opening(struct ledger *l, const char *account, struct money cash, const struct alpaca_position *positions,
                    size_t count, int64_t watermark_at, int64_t now_ns, ledger_done_fn *done, void *arg);

// --- a database that was restored from an older copy
bool ledger_mark_owed(const struct ledger *l); // on_mark has still to tell of something that was written
// Runs of the mark that are not there any more are written as failed, so that their slots do not run again.
void ledger_lost_runs(struct ledger *l, const char *mark, const char *account, int64_t now_ns,
                      void (*done)(void *arg, enum ledger_result result, int64_t kept), void *arg);
// When the newest intent was made, or the opening; 0 without one.
void ledger_survey_from(struct ledger *l, const char *account,
                        void (*done)(void *arg, enum ledger_result result, int64_t at), void *arg);
// Of these orders of the broker those with ids of ours that have no intent: noted, so that their fills go to unassigned
// and their ids are never used again; each is counted once.
void ledger_lost_orders(struct ledger *l, const char *account, const struct order_state *orders, size_t count,
                        int64_t now_ns,
                        void (*done)(void *arg, enum ledger_result result, int64_t lost, const char *first), void *arg);

// --- snapshots
// What the account is worth and holds, as read from the broker just now. source "run" (with run_id, once a run),
// "close" (once a session), "timer" or "start". OK also when there is one already.
struct ledger_snapshot {
    const char *account, *source, *run_id; // run_id NULL but for "run"
    struct day session;
    int64_t at;
    const struct alpaca_account *figures;
    const struct alpaca_position *positions;
    size_t position_count;
};
void ledger_snapshot_take(struct ledger *l, const struct ledger_snapshot *s, ledger_done_fn *done, void *arg);

// --- strategies that operators paused
struct strategy_pause {
    char strategy[BOOK_NAME_MAX];
    char reason[FACT_TEXT_MAX], source[64]; // why, by whom
    int64_t at;
};
// paused or resumed; OK also when it is so already.
void ledger_strategy_pause(struct ledger *l, const struct strategy_pause *pause, bool paused, ledger_done_fn *done,
                           void *arg);
void ledger_strategies_paused(struct ledger *l,
                              void (*done)(void *arg, enum ledger_result result, const struct strategy_pause *rows,
                                           size_t count),
                              void *arg);

// --- schedules: since when each is known to have been in force
struct schedule_watch {
    char strategy[BOOK_NAME_MAX];
    int64_t since;
};
struct schedule_told { // as it is configured now; "": it has none
    const char *strategy, *schedule;
};
// Every strategy of the configuration is told; one that is as it was keeps its beginning, others begin at now_ns.
void ledger_schedules_watch(
    struct ledger *l, const char *account, const struct schedule_told *told, size_t count, int64_t now_ns,
    void (*done)(void *arg, enum ledger_result result, const struct schedule_watch *rows, size_t count), void *arg);

// --- what the circuit breaker measures from
struct breaker_marks {
    struct day session;
    struct money day_start, high_water; // 0: none yet
};
void ledger_breaker_read(struct ledger *l, const char *account,
                         void (*done)(void *arg, enum ledger_result result, const struct breaker_marks *marks),
                         void *arg);
void ledger_breaker_write(struct ledger *l, const char *account, const struct breaker_marks *marks, int64_t now_ns,
                          ledger_done_fn *done, void *arg);

// --- since when a key is known (by the fingerprint of its id), on any host of this database
void ledger_key_seen(struct ledger *l, const char *account, const char *fingerprint, const char *shown, int64_t now_ns,
                     void (*done)(void *arg, enum ledger_result result, int64_t first_seen), void *arg);

// --- limits that an operator raised for a time
#define LIMIT_NAME_MAX 40
struct limit_raise {
    char name[LIMIT_NAME_MAX];
    int64_t value; // nanos
    int64_t until; // ns; at its end or before: it is over
    char reason[FACT_TEXT_MAX], operator[64];
};
void ledger_limit_raise(struct ledger *l, const char *account, const struct limit_raise *raise, int64_t now_ns,
                        ledger_done_fn *done, void *arg);
// Those that hold now, one of each name.
void ledger_limit_raises(struct ledger *l, const char *account, int64_t now_ns,
                         void (*done)(void *arg, enum ledger_result result, const struct limit_raise *rows,
                                      size_t count),
                         void *arg);

// --- the broker's calendar
// As the broker told it just now; stored when it differs from before.
void ledger_calendar_keep(struct ledger *l, const char *account, const struct session_day *days, size_t count,
                          int64_t now_ns);
// As it was kept last, and when the broker told it so; count 0 when nothing was.
void ledger_calendar_load(struct ledger *l, const char *account,
                          void (*done)(void *arg, enum ledger_result result, const struct session_day *days,
                                       size_t count, int64_t read_at),
                          void *arg);

// --- record keeping
void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns); // denials included; never blocks the caller
// The head of this host's chain of decisions, and where that of `day` ("2026-11-21", UTC) is stored already; seq 0:
// there is none yet.
struct ledger_head {
    int64_t seq;
    char hash[DIGEST_HEX_MAX], places[40]; // blank separated
};
typedef void ledger_head_fn(void *arg, enum ledger_result result, const struct ledger_head *head);
void ledger_head_ask(struct ledger *l, const char *day, ledger_head_fn *done, void *arg);
void ledger_head_stored(struct ledger *l, const char *day, const char *place, const struct ledger_head *head,
                        int64_t now_ns);
// Removes the oldest decisions of this host's chain that are older than before_ns, `most` of them, behind a checkpoint.
typedef void ledger_forget_fn(void *arg, enum ledger_result result, int64_t rows);
void ledger_forget_decisions(struct ledger *l, int64_t before_ns, int64_t most, int64_t now_ns, ledger_forget_fn *done,
                             void *arg);
// Denials above ten a second from one source (kind and rule), counted and stored as one row; rows that could not be
// kept.
void ledger_record_counts(const struct ledger *l, uint64_t *left_out, uint64_t *dropped);
// A self-test and, when it failed, which rows did not do what they are for.
struct ledger_self_test {
    const char *cause; // start, reload, daily, operator
    bool passed;
    size_t rows, failed;
    int64_t took_ns, at_ns;
    const char *detail;
};
void ledger_self_test(struct ledger *l, const struct ledger_self_test *test);
void ledger_alert(struct ledger *l, const char *kind, const char *subject, const char *detail, int64_t now_ns);

// --- history for readers: JSON made by Postgres, decimals as strings; on a bounded read-only connection
enum ledger_query {
    LEDGER_QUERY_RUNS,
    LEDGER_QUERY_RUN,
    LEDGER_QUERY_ORDERS,
    LEDGER_QUERY_FILLS,
    LEDGER_QUERY_POSITIONS,
    LEDGER_QUERY_ALERTS,
    LEDGER_QUERY_DECISIONS,
    LEDGER_QUERY_AUDIT,   // all that is known of one order (id): what was asked, its events, decisions, fills
    LEDGER_QUERY_EQUITY,  // snapshots, newest first; status is their source: start, run, timer, close
    LEDGER_QUERY_SIGNALS, // targets of the newest run of each strategy; of every run when sessions or a run are asked
                          // for
    LEDGER_QUERY_ENTRIES, // with their postings; status is the kind: opening, fill, transfer, corporate_action, fee,
                          // ...
    LEDGER_QUERY_ACTIVITIES, // status is the outcome (opening, posted, held, corrected) or the broker's type
    LEDGER_QUERY_QUARANTINE, // orders that are not ours, newest first; status: open (unless told), closed, all, or
                             // theirs
    LEDGER_QUERY_STRATEGIES // each strategy: how its last run went, its book; status is that of the member: ok, failed,
                            // late
};
struct ledger_filter {
    const char *id, *run_id, *symbol, *status, *strategy; // NULL = any
    const char *from, *to;                                // sessions YYYY-MM-DD, both included; NULL = any
    int limit, offset;
    // Only rows behind this one: what runs, orders, fills, alerts, decisions, equity, entries and activities are sorted
    // by, as their rows show it; the others know no such place. NULL = from the first.
    const char *after_session, *after_at, *after_id;
};
void ledger_query(struct ledger *l, enum ledger_query query, const struct ledger_filter *filter,
                  void (*done)(void *arg, enum ledger_result result, const char *json), void *arg);

// --- without the daemon: creates schema, marker and this host's halt row (running) on an empty database; runs its own
// loop.
int ledger_init_database(const char *dsn, const char *password, const char *environment, const char *host,
                         const char *instance, int64_t now_ns, struct err *err) MUST_CHECK;
// What a database is: an object with database, marked, environment, fits, detail, migrations (version, name, state:
// applied, missing, differs, newer). fits: this program can work with it as it is. Changes nothing. 0 or -1.
struct json_out;
int ledger_database_status(const char *dsn, const char *password, struct json_out *o, bool *fits,
                           struct err *err) MUST_CHECK;
// Applies the migrations that are missing, one by one; the marker must be that of environment. told: after each. 0 with
// how many, or -1.
int ledger_migrate_database(const char *dsn, const char *password, const char *environment,
                            void (*told)(void *arg, const char *migration), void *arg, size_t *count,
                            struct err *err) MUST_CHECK;
// The chains of decisions, without the daemon: a line of JSON for each row, in order, and behind a chain's last row its
// head, {"head":{...}} (daemon/audit.h reads them). from, to: days of UTC, NULL all; one row before and one behind them
// come too. line: not 0 ends it. 0 or -1.
typedef int ledger_line_fn(void *arg, const char *text, size_t len, struct err *err);
int ledger_read_decisions(const char *dsn, const char *password, const char *from, const char *to, ledger_line_fn *line,
                          void *arg, struct err *err) MUST_CHECK;
// The head of each chain, {"host","instance","seq","hash"}.
int ledger_read_heads(const char *dsn, const char *password, ledger_line_fn *line, void *arg,
                      struct err *err) MUST_CHECK;

#endif
