// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard-sim: an Alpaca-compatible paper exchange for demos, rehearsals and tests. Options, start, stop.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sim/sim_journal.h"
#include "daemon/sim/sim_server.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define KEY_DEFAULT "PKSIMDEMO00000000001"
#define SECRET_DEFAULT "simulator-secret-that-opens-nothing-real"
#define DATA_INSTALLED "/usr/share/paperguard/sample-data"
#define DATA_IN_TREE "conf/sample-data"
#define CASH_MAX (10000000 * DECIMAL_ONE)

static const char help[] =
    "paperguard-sim " PACKAGE_VERSION
    ": an Alpaca-compatible paper exchange on loopback (simulated account, real old prices)\n"
    "\n"
    "  --listen ADDRESS:PORT   loopback only; port 0 takes any free one     (127.0.0.1:0)\n"
    "  --admin ADDRESS:PORT    serves the admin path /sim/ there, and no longer with the rest (none)\n"
    "  --port-file FILE        writes the port there once it listens, the admin's in a second line\n"
    "  --data DIR              prices/*.csv, corporate_actions.csv, calendar/\n"
    "                          (" DATA_INSTALLED ", else " DATA_IN_TREE ")\n"
    "  --seed N                decides account number, fills and price paths (1)\n"
    "  --begin YYYY-MM-DD      the day of the prices that is replayed today   (the newest)\n"
    "  --cash DOLLARS          opening cash                                 (100000)\n"
    "  --multiplier 1|2|4      margin                                       (4)\n"
    "  --no-shorting           refuses short sales\n"
    "  --fees none|daily|fill  regulatory fees of sales, at each close or after each fill (none)\n"
    "  --hours always|exchange open around the clock, or 09:30-16:00 on exchange days (always)\n"
    "  --speed N               the price path runs N times faster           (1)\n"
    "  --fill-delay-ms N       mean time to a whole-share fill              (400)\n"
    "  --partial-rate R        share of fills that are partial, 0 to 1      (0.1)\n"
    "  --rate-limit N          requests a minute for each of trading and data (200)\n"
    "  --no-rate-limit         none, and no headers about it\n"
    "  --key ID --secret TEXT  the pair that is let in; the id must begin with PKSIM; also read from\n"
    "                          PAPERGUARD_SIM_KEY and PAPERGUARD_SIM_SECRET\n"
    "                          (" KEY_DEFAULT ", " SECRET_DEFAULT ")\n"
    "  --state FILE            keeps orders, positions and all else over a restart (default: in memory only)\n"
    "  --log-requests FILE     appends one JSON line per request and answer\n"
    "  --help, --version\n"
    "\n"
    "Tests may use GET /sim/state, POST /sim/price and POST /sim/fault.\n";

struct options {
    struct sim_params sim;
    const char *listen, *admin, *port_file, *log_file, *state_file;
};

enum option_id {
    OPT_LISTEN = 256,
    OPT_ADMIN,
    OPT_PORT_FILE,
    OPT_DATA,
    OPT_SEED,
    OPT_BEGIN,
    OPT_CASH,
    OPT_MULTIPLIER,
    OPT_NO_SHORTING,
    OPT_FEES,
    OPT_HOURS,
    OPT_SPEED,
    OPT_DELAY,
    OPT_PARTIAL,
    OPT_RATE,
    OPT_NO_RATE,
    OPT_KEY,
    OPT_SECRET,
    OPT_LOG,
    OPT_STATE,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"admin", required_argument, NULL, OPT_ADMIN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"data", required_argument, NULL, OPT_DATA},
    {"seed", required_argument, NULL, OPT_SEED},
    {"begin", required_argument, NULL, OPT_BEGIN},
    {"cash", required_argument, NULL, OPT_CASH},
    {"multiplier", required_argument, NULL, OPT_MULTIPLIER},
    {"no-shorting", no_argument, NULL, OPT_NO_SHORTING},
    {"fees", required_argument, NULL, OPT_FEES},
    {"hours", required_argument, NULL, OPT_HOURS},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"fill-delay-ms", required_argument, NULL, OPT_DELAY},
    {"partial-rate", required_argument, NULL, OPT_PARTIAL},
    {"rate-limit", required_argument, NULL, OPT_RATE},
    {"no-rate-limit", no_argument, NULL, OPT_NO_RATE},
    {"key", required_argument, NULL, OPT_KEY},
    {"secret", required_argument, NULL, OPT_SECRET},
    {"state", required_argument, NULL, OPT_STATE},
    {"log-requests", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static struct options options_default(void)
{
    const char *key = getenv("PAPERGUARD_SIM_KEY"), *secret = getenv("PAPERGUARD_SIM_SECRET");
    struct options o = {.listen = "127.0.0.1:0"};
    o.sim.key = key != NULL && *key != '\0' ? key : KEY_DEFAULT;
    o.sim.secret = secret != NULL && *secret != '\0' ? secret : SECRET_DEFAULT;
    o.sim.data_dir = access(DATA_INSTALLED, R_OK) == 0 ? DATA_INSTALLED : DATA_IN_TREE;
    o.sim.rate_per_minute = 200;
    o.sim.market = (struct market_params){.seed = 1, .speed = 1};
    o.sim.exchange = (struct exchange_params){.seed = 1,
                                              .cash = {100000 * DECIMAL_ONE},
                                              .multiplier = 4,
                                              .shorting = true,
                                              .fill_delay_ns = 400 * NS_PER_MS,
                                              .partial_ppm = 100000};
    return o;
}

static int wrong(struct err *err, const char *name, const char *found, const char *expected)
{
    return err_set(err, "--%s \"%.64s\": expected %s", name, found, expected);
}

static int option_number(struct err *err, const char *name, const char *text, int64_t min, int64_t max, int64_t *out)
{
    char expected[64];
    if (str_int64(text, min, max, out))
        return 0;
    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)min, (long long)max);
    return wrong(err, name, text, expected);
}

static int option_decimal(struct err *err, const char *name, const char *text, int64_t max, int64_t *out)
{
    int64_t got;
    char most[DECIMAL_TEXT_MAX], expected[64];
    if (decimal_parse(text, strlen(text), DECIMAL_EXACT, &got) == DECIMAL_OK && got >= 0 && got <= max) {
        *out = got;
        return 0;
    }
    snprintf(expected, sizeof expected, "a number from 0 to %s", decimal_format(max, most));
    return wrong(err, name, text, expected);
}

static int option_hours(struct err *err, const char *text, bool *exchange)
{
    *exchange = strcmp(text, "exchange") == 0;
    return *exchange || strcmp(text, "always") == 0 ? 0 : wrong(err, "hours", text, "always or exchange");
}

static int option_fees(struct err *err, const char *text, enum exchange_fees *fees)
{
    static const char *const words[] = {"none", "daily", "fill"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], text) == 0) {
            *fees = (enum exchange_fees)i;
            return 0;
        }
    return wrong(err, "fees", text, "none, daily or fill");
}

static int option_money(struct options *o, int id, const char *text, struct err *err)
{
    int64_t n = 0;
    int result = 0;
    switch (id) {
    case OPT_CASH:
        result = option_decimal(err, "cash", text, CASH_MAX, &o->sim.exchange.cash.nanos);
        break;
    case OPT_MULTIPLIER:
        result = option_number(err, "multiplier", text, 1, 4, &n);
        if (result == 0 && n == 3)
            result = wrong(err, "multiplier", text, "1, 2 or 4");
        o->sim.exchange.multiplier = result == 0 ? (int)n : 4;
        break;
    case OPT_FEES:
        result = option_fees(err, text, &o->sim.exchange.fees);
        break;
    case OPT_PARTIAL:
        result = option_decimal(err, "partial-rate", text, DECIMAL_ONE, &n);
        o->sim.exchange.partial_ppm = n / 1000;
        break;
    default:
        result = option_number(err, "fill-delay-ms", text, 0, 3600000, &n);
        o->sim.exchange.fill_delay_ns = n * NS_PER_MS;
        break;
    }
    return result;
}

// 0: taken; 1: help or version was printed; -1 with what is wrong.
static int option_take(struct options *o, int id, const char *text, struct err *err)
{
    int64_t n = 0;
    int result = 0;
    switch (id) {
    case OPT_LISTEN:
        o->listen = text;
        break;
    case OPT_ADMIN:
        o->admin = text;
        o->sim.admin_apart = true;
        break;
    case OPT_PORT_FILE:
        o->port_file = text;
        break;
    case OPT_DATA:
        o->sim.data_dir = text;
        break;
    case OPT_SEED:
        result = option_number(err, "seed", text, 0, INT64_MAX, &n);
        o->sim.market.seed = o->sim.exchange.seed = (uint64_t)n;
        break;
    case OPT_BEGIN:
        if (!day_parse(text, &o->sim.market.begin))
            result = wrong(err, "begin", text, "a date YYYY-MM-DD");
        break;
    case OPT_NO_SHORTING:
        o->sim.exchange.shorting = false;
        break;
    case OPT_HOURS:
        result = option_hours(err, text, &o->sim.market.exchange_hours);
        break;
    case OPT_SPEED:
        result = option_number(err, "speed", text, 1, 100000, &n);
        o->sim.market.speed = result == 0 ? (int)n : 1;
        break;
    case OPT_RATE:
        result = option_number(err, "rate-limit", text, 1, 1000000, &n);
        o->sim.rate_per_minute = (int)n;
        break;
    case OPT_NO_RATE:
        o->sim.rate_per_minute = 0;
        break;
    case OPT_KEY:
        o->sim.key = text;
        break;
    case OPT_SECRET:
        o->sim.secret = text;
        break;
    case OPT_LOG:
        o->log_file = text;
        break;
    case OPT_STATE:
        o->state_file = text;
        break;
    case OPT_HELP:
        fputs(help, stdout);
        return 1;
    case OPT_VERSION:
        puts("paperguard-sim " PACKAGE_VERSION);
        return 1;
    case '?':
    case ':':
        return err_set(err, "that option is not known or lacks its value; --help lists them");
    default:
        result = option_money(o, id, text, err);
        break;
    }
    return result;
}

static bool loopback(const char *address)
{
    return str_starts(address, "127.") || str_starts(address, "[::1]:");
}

static int options_read(struct options *o, int argc, char **argv, struct err *err)
{
    int id, result = 0;
    while (result == 0 && (id = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        result = option_take(o, id, optarg, err);
    if (result != 0)
        return result;
    if (optind < argc)
        return err_set(err, "\"%.64s\" is not an option; --help lists them", argv[optind]);
    if (!str_starts(o->sim.key, "PKSIM") || strlen(o->sim.key) < 16)
        return err_set(err,
                       "--key: the simulator's key ids begin with PKSIM and have at least 16 characters; never give "
                       "it a key of a real account");
    if (!loopback(o->listen))
        return wrong(err, "listen", o->listen, "a loopback address (127.0.0.1:PORT or [::1]:PORT)");
    if (o->admin != NULL && !loopback(o->admin))
        return wrong(err, "admin", o->admin, "a loopback address (127.0.0.1:PORT or [::1]:PORT)");
    return 0;
}

// Whole or not at all: whoever waits for the file never reads half of it.
static int port_file_write(const char *path, const char *address, const char *admin, struct err *err)
{
    char tmp[4096];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    FILE *f = fopen(tmp, "we");
    bool ok = f != NULL && fprintf(f, "%s\n", strrchr(address, ':') + 1) > 0;
    ok = ok && (admin == NULL || fprintf(f, "%s\n", strrchr(admin, ':') + 1) > 0);
    ok = (f == NULL || fclose(f) == 0) && ok;
    if (ok && rename(tmp, path) == 0)
        return 0;
    return err_set(err, "--port-file %s: %s", path, strerror(errno));
}

static void on_stop(void *arg, int signo)
{
    (void)signo;
    loop_stop(arg);
}

static int serve(const struct options *o, struct sim *sim, int64_t not_before, FILE *log, struct err *err)
{
    struct loop *loop = loop_new();
    loop_on_signal(loop, SIGTERM, on_stop, loop);
    loop_on_signal(loop, SIGINT, on_stop, loop);
    struct sim_server *server = sim_server_new(loop, sim, log, not_before, o->sim.admin_apart);
    int result = sim_server_listen(server, o->listen, false, err);
    if (result == 0 && o->admin != NULL)
        result = sim_server_listen(server, o->admin, true, err);
    if (result == 0 && o->port_file != NULL)
        result = port_file_write(o->port_file, sim_server_address(server, 0), sim_server_address(server, 1), err);
    if (result == 0) {
        char key[16];
        log_notice("SIMULATOR: serving account %s on http://%s for key %s", sim_account_number(sim),
                   sim_server_address(server, 0), key_redact(o->sim.key, key));
        loop_run(loop);
        log_notice("SIMULATOR: stopped with %zu orders and %zu fills", exchange_order_count(sim_exchange(sim)),
                   exchange_fill_count(sim_exchange(sim)));
    }
    sim_server_free(server);
    loop_free(loop);
    return result;
}

static int start(struct options *o, FILE *log, struct err *err)
{
    int64_t now = clock_wall_ns(), started = now;
    o->sim.request_salt = o->sim.exchange.id_salt = draw_mix((uint64_t)now); // two simulators never share an id
    struct sim_journal *journal = NULL;
    if (o->state_file != NULL) {
        journal = sim_journal_open(o->state_file, now, o->sim.exchange.id_salt, err);
        if (journal == NULL)
            return -1;
        started = sim_journal_started(journal);
        o->sim.exchange.id_salt = sim_journal_salt(journal);
    }
    struct sim *sim = sim_new(&o->sim, started, err);
    int result = sim == NULL ? -1 : 0;
    if (result == 0 && journal != NULL)
        result = sim_journal_attach(journal, sim, err);
    if (result == 0 && journal != NULL && sim_journal_count(journal) > 0)
        log_notice("SIMULATOR: %zu changes taken from %s", sim_journal_count(journal), o->state_file);
    if (result == 0)
        result = serve(o, sim, journal != NULL ? sim_journal_last(journal) : now, log, err);
    sim_free(sim);
    sim_journal_close(journal);
    return result;
}

static int run(int argc, char **argv, struct err *err)
{
    struct options o = options_default();
    int result = options_read(&o, argc, argv, err);
    if (result != 0)
        return result > 0 ? 0 : -1;
    if (when_zone_init(err) != 0)
        return -1;
    FILE *log = NULL;
    if (o.log_file != NULL && (log = fopen(o.log_file, "ae")) == NULL)
        return err_set(err, "--log-requests %s: %s", o.log_file, strerror(errno));
    result = start(&o, log, err);
    if (log != NULL)
        fclose(log);
    return result;
}

int main(int argc, char **argv)
{
    struct err err = {.text = ""};
    signal(SIGPIPE, SIG_IGN);
    if (run(argc, argv, &err) == 0)
        return 0;
    fprintf(stderr, "paperguard-sim: %s\n", err.text);
    return 1;
}
