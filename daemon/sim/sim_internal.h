// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the files of the simulated API share. Nobody else includes it.
#ifndef PAPERGUARD_SIM_SIM_INTERNAL_H
#define PAPERGUARD_SIM_SIM_INTERNAL_H

#include "daemon/sim/exchange_feed.h"
#include "daemon/sim/sim.h"
#include "lib/base/json_read.h"
#include "lib/base/json_write.h"

#define SIM_FAULTS_MAX 64
#define SIM_KEYS_MAX 16
#define SIM_LATE_MAX 256     // fills that are not listed yet
#define SIM_UPDATES_MAX 4096 // what happened to orders, kept for readers
#define SIM_TEXT_MAX 512     // one query value
#define SIM_SYMBOLS_MAX 4096 // a list of symbols
#define SIM_WORDS_MAX (SIM_SYMBOLS_MAX / 2)

struct sim_bucket { // refills continuously
    int64_t tokens; // 1e9 per request
    int64_t at;
};
struct sim_settings { // of the account, without effect here
    char dtbp_check[8], pdt_check[8], trade_confirm_email[8];
    bool ptp_no_exception_entry, disable_overnight_trading;
    int64_t max_options_trading_level; // -1 = null
};
struct sim_late { // sim_listing.c: fills that activities do not show yet
    char symbol[SYMBOL_MAX];
    int64_t left, by_ns;
    size_t seen; // fills that were looked at
    struct {
        size_t fill;
        int64_t until;
    } waits[SIM_LATE_MAX];
    size_t count;
};
struct sim_key {
    char *key, *secret;
    char account_number[ACCOUNT_NUMBER_MAX]; // "" the simulator's
    bool revoked;
};
struct sim_watchlists; // sim_watchlist.c
struct sim {
    struct market *market;
    struct exchange *exchange;
    struct exchange_feed *feed;
    struct sim_key keys[SIM_KEYS_MAX];
    size_t key_count;
    char account_id[DRAW_UUID_MAX], account_number[ACCOUNT_NUMBER_MAX];
    uint64_t salt, request_salt;
    uint64_t requests;
    struct sim_settings settings;
    struct sim_watchlists *watchlists; // NULL until the first is asked for
    sim_change_fn *on_change;          // may be NULL
    void *on_change_arg;
    bool replaying;
    int rate_per_minute;
    struct sim_bucket trading, data;
    int64_t started;
    struct sim_fault faults[SIM_FAULTS_MAX];
    size_t fault_count;
    uint64_t faults_made;
    struct sim_late late;
    bool admin_apart;
};

// One call in the hands of its handler.
struct sim_call {
    struct sim *sim;
    const struct sim_request *request;
    int64_t now;
    struct sim_reply *reply;
    char part[SIM_TEXT_MAX], part2[SIM_TEXT_MAX]; // what the first and the second * of the route matched
    struct json_out out;                          // onto the reply's body
};

// sim_routes.c
enum sim_area { SIM_AREA_TRADING, SIM_AREA_DATA, SIM_AREA_ADMIN };
struct sim_route {
    enum http_method method;
    const char *path; // each * stands for one segment
    enum sim_area area;
    void (*handle)(struct sim_call *c);
};
// NULL when there is none; *known tells that the path exists for another method.
const struct sim_route *sim_route_find(struct sim_call *c, const char *path, enum http_method method, bool *known);

// Sets status and type of a refusal: {"code":..,"message":..}; code 0 is left out.
void sim_refuse(struct sim_call *c, int status, int code, const char *format, ...) PRINTF_LIKE(4, 5);
void sim_json_refusal(struct json_out *o, const struct exchange_refusal *why);
void sim_refuse_why(struct sim_call *c, const struct exchange_refusal *why);
// Query value; false when it is missing or empty.
bool sim_param(const struct sim_call *c, const char *name, char out[SIM_TEXT_MAX]);
// "a,b,c" holds word.
bool sim_csv_has(const char *csv, const char *word);
// An instant or a plain date (its midnight UTC). Answers 422 and returns false when it is malformed; *present tells a
// value.
bool sim_when_param(struct sim_call *c, const char *name, bool *present, int64_t *ns);
bool sim_int_param(struct sim_call *c, const char *name, int64_t min, int64_t max, int64_t *value);

// sim_page.c: data over a stretch of time, page by page. Errors of the data side carry no code.
struct sim_span {
    char symbols[SIM_SYMBOLS_MAX], from_symbol[SYMBOL_MAX]; // from_symbol, from_at: where this page begins
    int64_t start, end, limit, from_at;
    bool single, descending;
};
struct sim_grid { // steps of the price path inside sessions
    struct day day, last;
    struct market_session session;
    int step_s, base_s, count, index;
    int64_t at, from, to; // the step now, and the part of it inside the session and not after now
};
struct sim_series { // the points of one symbol
    struct sim_call *call;
    const struct market_symbol *symbol;
    int64_t start, end;
    bool descending;
    bool (*next)(struct sim_series *s, int64_t *at);
    void (*write)(struct sim_series *s, int64_t at);
    void *arg;
    struct sim_grid grid;
    void *list; // freed by sim_span_write
    size_t count, i;
};
typedef void sim_series_open(struct sim_series *s);
bool sim_data_refuse(struct sim_call *c, const char *what, const char *value); // false
// A parameter is one of the words; answers 400 and returns false when it is not.
bool sim_word_param(struct sim_call *c, const char *name, const char *words, bool required);
bool sim_symbols_read(struct sim_call *c, char symbols[SIM_SYMBOLS_MAX]); // from the path, else ?symbols=
// Those of the list that the market knows, each once, in its order; how many.
size_t sim_symbols_known(const struct sim_call *c, const char *symbols, const struct market_symbol *out[SIM_WORDS_MAX]);
bool sim_span_read(struct sim_call *c, struct sim_span *p);
void sim_span_write(struct sim_call *c, const struct sim_span *p, const char *name, sim_series_open *open, void *arg);
void sim_grid_open(struct sim_series *s, int step_s);
bool sim_grid_next(struct sim_series *s);

// sim_bars.c, sim_ticks.c
void sim_bar_write(struct json_out *o, int64_t at, const struct market_bar *b);
struct market_bar sim_bar_of_path(struct sim_call *c, const struct market_symbol *s, int64_t from, int64_t to,
                                  int looks);
// The day's bar so far (before = 0) or the one before it (1); false when there is none.
bool sim_bar_of_day(struct sim_call *c, const struct market_symbol *s, int before, int64_t *at, struct market_bar *bar);
int64_t sim_print_time(struct sim_call *c); // newest instant at which the market was open
void sim_trade_write(struct sim_call *c, const struct market_symbol *s);
void sim_quote_write(struct sim_call *c, const struct market_symbol *s);

// sim_listing.c
void sim_listing_spoil(const struct sim_fault *f, struct sim_reply *reply); // when its fault is one of lists
bool sim_fill_shown(struct sim *s, const struct exchange_fill *f, int64_t now);

// sim_body.c: a body as a request. False after a refusal.
bool sim_body_order(struct sim_call *c, const struct json_node *root, struct exchange_request *r);
bool sim_body_change(struct sim_call *c, const struct json_node *root, struct exchange_change *change);

// sim_json.c
// nested: legs under their parent instead of null.
void sim_json_order(struct json_out *o, const struct exchange *e, const struct exchange_order *order, bool nested);
// A message of the trade_updates stream.
void sim_json_update(struct json_out *o, const struct exchange *e, const struct exchange_update *u);
void sim_json_fill(struct json_out *o, const struct exchange *e, const struct exchange_fill *f);
void sim_json_nta(struct json_out *o, const struct exchange_nta *n);
void sim_json_account(struct json_out *o, struct sim *s, const char *number, int64_t now);
void sim_json_position(struct json_out *o, struct sim *s, const struct exchange_position *p, int64_t now);
void sim_json_asset(struct json_out *o, struct sim *sim, const struct market_symbol *s);
const char *sim_exchange_name(const struct market_symbol *s);
void sim_json_calendar_day(struct json_out *o, const struct market *m, const struct market_session *s);
void sim_json_clock(struct json_out *o, struct market *m, int64_t now);

void sim_settings_default(struct sim_settings *s);  // sim_account.c
void sim_watchlists_free(struct sim_watchlists *w); // NULL is fine

// sim_keys.c
void sim_keys_init(struct sim *s, const char *key, const char *secret);
void sim_keys_free(struct sim *s);
const char *sim_account_of(const struct sim *s, const struct sim_request *q); // the number its key belongs to

// Handlers.
void sim_account_get(struct sim_call *c);
void sim_configurations_get(struct sim_call *c);
void sim_configurations_patch(struct sim_call *c);
void sim_positions_list(struct sim_call *c);
void sim_positions_get(struct sim_call *c);
void sim_assets_list(struct sim_call *c);
void sim_assets_get(struct sim_call *c);
void sim_clock(struct sim_call *c);
void sim_clock_of_markets(struct sim_call *c);
void sim_calendar_of_market(struct sim_call *c);
void sim_data_actions(struct sim_call *c);
void sim_announcements(struct sim_call *c);
void sim_announcement(struct sim_call *c);
void sim_portfolio_history(struct sim_call *c);
void sim_admin_cash(struct sim_call *c);
void sim_watchlists_list(struct sim_call *c);
void sim_watchlists_create(struct sim_call *c);
void sim_watchlists_get(struct sim_call *c);
void sim_watchlists_put(struct sim_call *c);
void sim_watchlists_add(struct sim_call *c);
void sim_watchlists_remove(struct sim_call *c);
void sim_watchlists_delete(struct sim_call *c);
void sim_calendar(struct sim_call *c);
void sim_orders_post(struct sim_call *c);
void sim_orders_patch(struct sim_call *c);
void sim_positions_close(struct sim_call *c);
void sim_positions_close_all(struct sim_call *c);
void sim_orders_list(struct sim_call *c);
void sim_orders_get(struct sim_call *c);
void sim_orders_by_client_id(struct sim_call *c);
void sim_orders_delete(struct sim_call *c);
void sim_orders_delete_all(struct sim_call *c);
void sim_activities(struct sim_call *c);
void sim_activities_of_type(struct sim_call *c);
void sim_data_latest_trades(struct sim_call *c);
void sim_data_latest_quotes(struct sim_call *c);
void sim_data_latest_bars(struct sim_call *c);
void sim_data_snapshots(struct sim_call *c);
void sim_data_trades(struct sim_call *c);
void sim_data_quotes(struct sim_call *c);
void sim_data_exchanges(struct sim_call *c);
void sim_data_conditions(struct sim_call *c);
void sim_data_bars(struct sim_call *c);
void sim_admin_state(struct sim_call *c);
void sim_admin_fault(struct sim_call *c);
void sim_admin_faults(struct sim_call *c);
void sim_admin_faults_clear(struct sim_call *c);
void sim_admin_fills(struct sim_call *c);
void sim_admin_fills_late(struct sim_call *c);
void sim_admin_bust(struct sim_call *c);
void sim_admin_updates(struct sim_call *c);
void sim_admin_symbol(struct sim_call *c);
void sim_admin_price(struct sim_call *c);
void sim_admin_keys(struct sim_call *c);
void sim_admin_keys_change(struct sim_call *c);

#endif
