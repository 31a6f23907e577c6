// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One table of verbs, one of options, one of exit codes. The parser, help, the manual page and bash's completion are
// made from them.
#include <stddef.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

#define MANY 64

const struct ctl_verb ctl_verbs[] = {
    {"status", "[--nagios]", "health, halt, account, runs at a glance, and what holds orders back; 1 when unhealthy",
     "With --nagios one line for monitoring with performance data, ending with 0 (ok), 1 (warning: degraded, halted, "
     "not "
     "ready, or the last run was not completed), 2 (critical: unhealthy, orders unknown, or no daemon) or 3 (unknown).",
     ctl_status, 0, 0, CTL_LOOKS, false},
    {"check", "[PATH...] [--format FORMAT] [--config FILE | --offline]",
     "the guard's table from the daemon; --config FILE here, or no daemon: static checks of file and environment; "
     "with PATH: files that are about to be deployed",
     "PATH is an environment file, a compose file, a workflow, a systemd unit or drop-in, paperguard.conf, or a folder "
     "with such; no "
     "daemon and no configuration is needed. Compose files and units are read as compose and systemd do, with "
     "env_file, "
     "EnvironmentFile= and ${VAR:-default}. Ends with 0 when nothing speaks against it, 78 with findings, 66 when a "
     "PATH "
     "is not there. FORMAT is text, json or github (annotations at the lines; the default where GITHUB_ACTIONS is "
     "true).",
     ctl_check, 0, MANY, CTL_LOOKS, true},
    {"next", "[--days N]",
     "the slots to come, in New York's time and UTC, with early closes, closed days and changes of the clock",
     "Seven days unless --days says otherwise (up to 60; the broker's calendar is read for the next 30). Started while "
     "the broker is away, by the calendar that it told last, and says so.",
     ctl_next, 0, 0, CTL_LOOKS, false},
    {"plan", "STRATEGY [--timeout SECONDS]",
     "the orders a strategy would send now: asked, planned and judged, and not sent",
     "Prices are read and the strategy is run as in a run; nothing is claimed, stored or sent.", ctl_plan, 1, 1,
     CTL_LOOKS, false},
    {"limits", "", "limits: ceiling, what holds now, used in this session, left",
     "The ceiling is what this daemon started with; a reload may only go below it.", ctl_limits, 0, 0, CTL_LOOKS,
     false},
    {"limits raise", "LIMIT VALUE [TOKEN REASON] --for TIME",
     "raise a limit for a time, after which it reverts by itself; two steps",
     "First with limit and value: what holds, and a token valid for 120 seconds. Then with token and reason: it holds "
     "until its "
     "end (30m, 2h; at most 24h), across restarts too, and reverts by itself. Never above what the config said at the "
     "start times "
     "[risk] max_raise. Recorded with reason and operator.",
     ctl_limits_raise, 2, MANY, CTL_ACTS, false},
    {"limits revert", "LIMIT REASON", "take a raise back at once", "", ctl_limits_revert, 2, MANY, CTL_ACTS, false},
    {"selftest", "",
     "fire each row of guard and risk by its own example, and let a good order pass; 1 when one does not do what it is "
     "for",
     "Through a second desk and guard that lead nowhere: nothing is sent, nothing of the account is touched. The "
     "daemon "
     "does the same at start, after a reload and half an hour before the first slot of a day; one that failed keeps "
     "orders off (check self_test) until one passes.",
     ctl_selftest, 0, 0, CTL_LOOKS, false},
    {"keys", "", "the broker's key: which it is, since when it is known, its fingerprint", "", ctl_keys, 0, 0,
     CTL_LOOKS, false},
    {"keys rotate", "", "take over the pair that the key files hold now; 1 when refused, or the former key still lives",
     "Write key id and secret into the files that [broker] key_id_file and secret_file name (systemd gives a "
     "credential "
     "only at a start), then rotate; a reload does the same. The new pair is read from where the next start reads it, "
     "and "
     "proven on the same account before anything is sent with it. It takes over between two requests: what is on its "
     "way "
     "ends with the former one, orders wait until the self-test ran and account and open orders were read. Then the "
     "former "
     "key is tried: when the broker still lets it in, delete it there. With [broker] key_pin the file must hold the "
     "new "
     "fingerprint; it is taken over with the key. Whatever does not fit (a live key, another account's, one that the "
     "broker refuses) changes nothing.",
     ctl_keys_rotate, 0, 0, CTL_ACTS, false},
    {"strategies", "", "the strategies: schedule, share, how they did last, and which are paused", "", ctl_strategies,
     0, 0, CTL_LOOKS, false},
    {"runs", "[--status STATUS] [--strategy STRATEGY] [--limit N]", "runs, newest first", "", ctl_runs, 0, 0, CTL_LOOKS,
     false},
    {"why", "[RUN]",
     "what a run did and why: cause, members, orders, what is awaited, and which commands are safe next",
     "RUN is an id, the beginning of one, or last (the default).", ctl_why, 0, 1, CTL_LOOKS, false},
    {"orders", "[--run RUN] [--symbol SYMBOL] [--status STATUS] [--strategy STRATEGY] [--parked] [--limit N]",
     "orders, newest first",
     "With --parked only those that wait for the broker's word or an operator's: without an answer, committed and not "
     "sent, or "
     "never placed in a run that is over.",
     ctl_orders, 0, 0, CTL_LOOKS, false},
    {"fills", "[--run RUN] [--symbol SYMBOL] [--strategy STRATEGY] [--limit N]", "fills, newest first", "", ctl_fills,
     0, 0, CTL_LOOKS, false},
    {"positions", "[--book BOOK] [--symbol SYMBOL]", "books of the strategies, and what belongs to none (unassigned)",
     "", ctl_positions, 0, 0, CTL_LOOKS, false},
    {"logs", "[--run RUN] [--follow]", "the journal of the daemon, or of one run",
     "journalctl is run in this command's place; where there is no journal, it says what to look for.", ctl_logs, 0, 0,
     CTL_LOOKS, false},
    {"config show", "[OPTION...] [--config FILE | --offline]", "every option with its value and where it comes from",
     "OPTION is a section, a key, or section.key. With --config behind the verb, or --offline: as the file and this "
     "environment say it, not the daemon. Passwords are left out.",
     ctl_config_show, 0, MANY, CTL_LOOKS, true},
    {"config diff", "",
     "how the files differ from what runs: what a reload takes over, refuses, or leaves to a restart",
     "Ends with 1 when a reload would be refused because it loosens a limit, with 78 when the files are wrong.",
     ctl_config_diff, 0, 0, CTL_LOOKS, false},
    {"drift", "", "how ledger and broker differ, with the code to accept it by; 1 when they do", "", ctl_drift, 0, 0,
     CTL_LOOKS, false},
    {"quarantine", "[list] [--status STATUS] [--limit N]",
     "open orders at the broker that are not ours; --status closed or all: also those that have ended or were adopted",
     "An order is foreign when its client order id is not of this ledger, and an orphan when it looks like one of ours "
     "all the same. It counts in exposure like an order of ours, no order of ours makes the position of its symbol "
     "grow beside it, its fills go to unassigned, and it is left alone until somebody adopts or cancels it.",
     ctl_quarantine, 0, 1, CTL_LOOKS, false},
    {"explain", "[CODE...]", "what a reason code means and what to do; without a code: all of them",
     "Codes are the words that refusals, states, alerts, checks and exit codes are told with.", ctl_explain, 0, MANY,
     CTL_LOOKS, true},
    {"run", "[STRATEGY...] [--wait] [--timeout SECONDS]", "start a run now (all strategies, or these)",
     "With --wait, end when it has ended: 0 when it was completed, else 1, and 75 when it goes on after the timeout "
     "(1800 "
     "seconds unless --timeout says otherwise).",
     ctl_run, 0, MANY, CTL_ACTS, false},
    {"strategies pause", "STRATEGY REASON", "leave a strategy out of runs until it is resumed",
     "Kept in Postgres: it survives restarts. The book stays as it is and open orders are followed.",
     ctl_strategies_pause, 2, MANY, CTL_ACTS, false},
    {"strategies resume", "STRATEGY [REASON]", "let a paused strategy take part in runs again", "",
     ctl_strategies_resume, 1, MANY, CTL_ACTS, false},
    {"orders resolve", "ORDER [TOKEN REASON]",
     "an operator's word about a parked order, one without an answer or that never reached the broker; two steps",
     "First with the order alone (its client order id, or the beginning of one): what ledger and broker say of it, and "
     "a token "
     "valid for 120 seconds. Then with token and reason: an order without an answer ends not_placed, one that is "
     "not_placed is "
     "closed; neither is sent again. Not before an order has been without an answer for a minute; the broker is asked "
     "once more before the word is taken. An order that the broker knows is followed and cannot be resolved. See "
     "orders "
     "--parked.",
     ctl_orders_resolve, 1, MANY, CTL_ACTS, false},
    {"orders retry", "ORDER [TOKEN REASON]",
     "send a parked order that was never placed once more, as it was and under its id; two steps",
     "First with the order alone: the broker is asked whether it has it after all, risk judges it anew, and there is a "
     "token valid for 120 seconds. Then with token and reason: asked and judged once more, it is reserved and goes the "
     "way of every order. Refused under a halt, when the session or the order's time is over (the deadline of its run; "
     "outside a run the close), when a run has planned since or is under way, and when it is not parked. What is open "
     "of it at the deadline of its run is cancelled. When it is refused for its time: run plans what is missing, "
     "orders resolve closes it.",
     ctl_orders_retry, 1, MANY, CTL_ACTS, false},
    {"quarantine adopt", "ORDER [TOKEN REASON] [--strategy STRATEGY]",
     "make an order at the broker that is not ours one of ours; two steps",
     "ORDER is its id at the broker (or the beginning of it), or its client order id. First with the order alone: what "
     "it is, and a token valid for 120 seconds. Then with token and reason: it is written into the ledger and followed "
     "like any other. Its fills from now on go into the book of --strategy, or to unassigned.",
     ctl_quarantine_adopt, 1, MANY, CTL_ACTS, false},
    {"quarantine cancel", "ORDER [TOKEN REASON]",
     "have an order at the broker that is not ours cancelled; two steps, as quarantine adopt",
     "Asked for again until it has ended, over restarts too. What it was filled stays, in unassigned.",
     ctl_quarantine_cancel, 1, MANY, CTL_ACTS, false},
    {"positions assign", "SYMBOL STRATEGY [TOKEN REASON] [--qty QTY]",
     "put what belongs to no strategy into a strategy's book; two steps",
     "After a restored database, a quarantined order or the opening, positions are in the book unassigned: they count "
     "in "
     "exposure, no strategy knows them, and one that wants the symbol buys it beside them. First with symbol and "
     "strategy: what would be moved (all of it, or --qty), and a token valid for 120 seconds. Then with token and "
     "reason: one transfer in the ledger, shares and cost; nothing is sent. Refused when unassigned holds another "
     "quantity by then, while an order for the symbol is open, parked or in quarantine or its fills are missing, while "
     "a run is under way, and when the symbol is not among the strategy's.",
     ctl_positions_assign, 2, MANY, CTL_ACTS, false},
    {"flatten", "[all | --strategy STRATEGY] [TOKEN REASON]",
     "close what the strategies hold (or that one) at market; two steps",
     "First: what would be sold or bought, what it is worth, what would be refused, and a token valid for 120 seconds. "
     "Then with token and reason: market orders that can only shrink a position go over the desk, each booked to the "
     "strategy that held it, and the command tells how many there were. What is in unassigned is told and not touched. "
     "A reduce-only halt lets them out, a full one does not. Refused while a run is in flight, while orders are out "
     "that may change what the strategies hold, and when they hold something else by then; outside of regular hours "
     "the risk row session refuses each. A later run buys again: pause the strategies, or halt with --reduce-only, "
     "first.",
     ctl_flatten, 0, MANY, CTL_ACTS, false},
    {"drift accept", "TOKEN REASON", "take the broker's side of a difference, as one correction in the ledger",
     "TOKEN is the code that drift shows: when the broker tells another difference by now, nothing is written. Not "
     "while orders "
     "are open.",
     ctl_drift_accept, 2, MANY, CTL_ACTS, false},
    {"halt", "REASON [--strategy STRATEGY] [--reduce-only]",
     "stop orders now and cancel what is open; stays, across restarts too, until it is released",
     "`paperguard status` tells when the broker has no open order of ours any more, and how long that took. With "
     "--reduce-only orders that can only shrink a position still leave. A full halt may follow it; what is less "
     "strict loosens nothing. With --strategy that strategy alone: its orders do not leave, those that are open are "
     "cancelled, and runs go without it. While Postgres is away a halt is held on this host only, and the command says "
     "so: a host that takes over before Postgres has it does not know of it; halt that one too.",
     ctl_halt, 1, MANY, CTL_ACTS, false},
    {"release request", "REASON [--strategy STRATEGY]", "step one: gives a token; nothing is released yet",
     "With --strategy the halt of that strategy alone; without, the account's alone.", ctl_release_request, 1, MANY,
     CTL_ACTS, false},
    {"release confirm", "TOKEN", "step two: with the token of step one, within 120 seconds", "", ctl_release_confirm, 1,
     1, CTL_ACTS, false},
    {"opening accept", "", "take the account's cash and positions as the ledger's first entries",
     "Until then no order is sent.", ctl_opening_accept, 0, 0, CTL_ACTS, false},
    {"db init", "[--url DSN] [--environment ENVIRONMENT]",
     "set up an empty database: tables, the marker of the environment (staging or dev), this host",
     "The password comes from STAGING_DB_PASSWORD.", ctl_db_init, 0, 0, CTL_SETS_UP, true},
    {"db status", "[--url DSN] [--environment ENVIRONMENT]",
     "whose database it is, and which migrations it has; changes nothing",
     "Ends with 1 when this program cannot work with it as it is.", ctl_db_status, 0, 0, CTL_SETS_UP, true},
    {"db migrate", "[--url DSN] [--environment ENVIRONMENT]", "apply the migrations that are missing, one by one",
     "The daemon does so itself when it starts; this is for whoever wants it done before. A daemon one version older "
     "goes on "
     "working.",
     ctl_db_migrate, 0, 0, CTL_SETS_UP, true},
    {"audit verify", "[--head HEAD] [--from DATE] [--to DATE] [--dump FILE] [--url DSN] [--environment ENVIRONMENT]",
     "recompute the chain of decisions, and name the first row that is not as it was written; 1 when one is not",
     "Read from Postgres without the daemon, or with --dump from what audit dump wrote (- is stdin). Each decision's "
     "hash covers its words and the hash before it: changed, removed, inserted and reordered rows are told apart. "
     "Whoever may write to the database can write a whole chain anew, so keep heads elsewhere: HEAD is the hash of "
     "one, or a file of lines as audit head prints them, and each must turn up in the chain. With --from and --to "
     "(days of UTC) only these are recomputed.",
     ctl_audit_verify, 0, 0, CTL_SETS_UP, true},
    {"audit dump", "[--from DATE] [--to DATE] [--url DSN] [--environment ENVIRONMENT]",
     "the decisions as lines of JSON, with the head of each chain behind its rows, for audit verify elsewhere", "",
     ctl_audit_dump, 0, 0, CTL_SETS_UP, true},
    {"audit head", "[--url DSN] [--environment ENVIRONMENT]",
     "the head of each chain of decisions (a host has one for each instance), to be kept elsewhere",
     "One line of JSON each: host, instance, seq, hash.", ctl_audit_head, 0, 0, CTL_SETS_UP, true},
    {"rehearse",
     "[--config FILE] [--prices DIR] [--from DATE] [--to DATE] [--seed N] [--capital DOLLARS] [--database URL] "
     "[--dump FILE]",
     "how this daemon would have done over old prices: its strategies, a session after the other, on a simulated "
     "exchange",
     "Nothing outside is touched: the daemon's own code runs in simulated time, with the real strategy programs and a "
     "Postgres of its own (Debian's package postgresql, in a temporary folder) or the empty database that --database "
     "names. Without --config the shipped strategies are rehearsed, with it those of FILE, under its limits and slots; "
     "its broker, database and addresses are not used. DIR holds a file SYMBOL.csv for each symbol, lines "
     "date,open,high,low,close,volume under a headline, raw prices, one line for each session; splits are in "
     "corporate_actions.csv (symbol,ex_date,split,NEW:OLD). Without --prices: the sample data, ten symbols from "
     "2019-06 "
     "to "
     "2020-12. The account begins with $100000 unless --capital says otherwise. The same seed (1) gives the same "
     "ledger, "
     "byte by byte; --dump writes all of it. Ends with 1 when ledger and exchange differ. With --json all figures are "
     "one document: shares as fractions, money as decimals, runs and orders by status, the digest, and equal.",
     ctl_rehearse, 0, 0, CTL_SETS_UP, true},
    {"complete", "WHAT", "words for bash's completion: strategies, books, symbols, runs or codes", "", ctl_complete, 1,
     1, CTL_HIDDEN, false},
};
const size_t ctl_verb_count = ARRAY_LEN(ctl_verbs);

#define AT(member) offsetof(struct ctl_options, member)
const struct ctl_option ctl_option_table[] = {
    {"--config", CTL_TEXT, AT(config), "FILE", "config (default " CTL_DEFAULT_CONFIG "); says where the socket is",
     NULL},
    {"--socket", CTL_TEXT, AT(socket), "PATH", "admin socket, whatever the config says", NULL},
    {"--instance", CTL_TEXT, AT(instance), "NAME",
     "the daemon of a further account: paperguardd@NAME, /etc/paperguard/NAME.conf", NULL},
    {"--json", CTL_FLAG, AT(json), "", "the answer as JSON on stdout",
     "Members are stable: new ones may come, those that are there keep their name, type and meaning."},
    {"--wide", CTL_FLAG, AT(wide), "", "tables whole, however narrow the terminal",
     "Otherwise a table on a terminal fits its width (COLUMNS, when set): columns are left out, then the widest text "
     "is "
     "cut, marked with an ellipsis. Into a pipe or file everything is written whole."},
    {"--wait", CTL_FLAG, AT(wait), "", NULL, NULL},
    {"--timeout", CTL_NUMBER, AT(timeout_s), "SECONDS", NULL, NULL},
    {"--offline", CTL_FLAG, AT(offline), "", NULL, NULL},
    {"--nagios", CTL_FLAG, AT(nagios), "", NULL, NULL},
    {"--parked", CTL_FLAG, AT(parked), "", NULL, NULL},
    {"--reduce-only", CTL_FLAG, AT(reduce_only), "", NULL, NULL},
    {"--follow", CTL_FLAG, AT(follow), "", NULL, NULL},
    {"--run", CTL_TEXT, AT(run), "RUN", NULL, NULL},
    {"--symbol", CTL_TEXT, AT(symbol), "SYMBOL", NULL, NULL},
    {"--status", CTL_TEXT, AT(status), "STATUS", NULL, NULL},
    {"--strategy", CTL_TEXT, AT(strategy), "STRATEGY", NULL, NULL},
    {"--book", CTL_TEXT, AT(book), "BOOK", NULL, NULL},
    {"--qty", CTL_TEXT, AT(qty), "QTY", NULL, NULL},
    {"--for", CTL_TEXT, AT(lasts), "TIME", NULL, NULL},
    {"--days", CTL_NUMBER, AT(days), "N", NULL, NULL},
    {"--limit", CTL_NUMBER, AT(limit), "N", NULL, NULL},
    {"--url", CTL_TEXT, AT(url), "DSN", NULL, NULL},
    {"--environment", CTL_TEXT, AT(environment), "ENVIRONMENT", NULL, NULL},
    {"--format", CTL_TEXT, AT(format), "FORMAT", NULL, NULL},
    {"--prices", CTL_TEXT, AT(prices), "DIR", NULL, NULL},
    {"--from", CTL_TEXT, AT(from), "DATE", NULL, NULL},
    {"--to", CTL_TEXT, AT(to), "DATE", NULL, NULL},
    {"--seed", CTL_TEXT, AT(seed), "N", NULL, NULL},
    {"--capital", CTL_TEXT, AT(capital), "DOLLARS", NULL, NULL},
    {"--database", CTL_TEXT, AT(database), "URL", NULL, NULL},
    {"--dump", CTL_TEXT, AT(dump), "FILE", NULL, NULL},
    {"--head", CTL_TEXT, AT(head), "HEAD", NULL, NULL},
    {"--help", CTL_FLAG, AT(help), "", "this, or about one verb", NULL},
};
#undef AT
const size_t ctl_option_count = ARRAY_LEN(ctl_option_table);

const struct ctl_exit ctl_exits[] = {
    {EX_OK, "Done."},
    {CTL_REFUSED, "Refused, or not healthy."},
    {EX_USAGE, "Wrong command line, or a name that does not exist."},
    {EX_NOINPUT, "A file or folder that was named is not there."},
    {EX_UNAVAILABLE, "No daemon answers."},
    {EX_TEMPFAIL, "Try again later."},
    {EX_NOPERM, "Not permitted."},
    {EX_CONFIG, "The configuration is wrong, or the guard does not pass."},
};
const size_t ctl_exit_count = ARRAY_LEN(ctl_exits);

bool ctl_verb_knows(const struct ctl_verb *v, const char *option)
{
    size_t len = strlen(option);
    for (const char *at = v->arguments; (at = strstr(at, option)) != NULL; at += len)
        if (!strchr("abcdefghijklmnopqrstuvwxyz-", at[len]) || !at[len])
            return true;
    return false;
}
