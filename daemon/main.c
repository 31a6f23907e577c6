// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguardd: the map of the house, in the order data flows.
//
//   options.def config   what the operator wrote            facts    environment, files, what others learnt
//   lib/guard            judges facts, mints permits        halt     the latch: memory, state file, Postgres
//   leader               which of several hosts trades      main_leader   what follows from it
//   ledger sql/          Postgres: runs, intents, fills     cache    Redis, for other readers
//   broker               the only voice to Alpaca           exposure the account if everything open filled
//   strategies           bounded children, contract 1       desk     the single door for orders
//   reconcile            broker's truth against ours        run      claim, plan, sells, buys, settle
//   scheduler            what is due, on exchange sessions  snapshot what readers see
//   api admin            HTTP for probes and operators      metrics  numbers
//   pauses               strategies an operator took out    watch    alerts over the whole daemon
//   main_wire            who hears whom; start and stop     main_collect  fills snapshot and gauges
//   main_cache           what other readers find in Redis   main_watch    what the watch is told
//   main_parts           what we stand on: is it there?   main_mark    was the database restored from an older copy?
//   sweep                no order is left open by a halt    main_halt  and what a halt leads to
//   breaker             stops trading by itself             main_breaker  and the halt that follows
//   raises              limits raised for a time          main_limits   what holds
//   selftest main_selftest  each row fired by its own example, a good order passes
//   rotation main_keys  another key for the same account, and how old it is
//   main_home            state_dir: ours alone, locked      stream main_stream   the broker says: something is to read
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "commit.h"
#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/io/http_client.h"
#include "lib/io/pg_client.h"
#include "lib/io/redis_url.h"
#include "lib/io/service.h"

#define DEFAULT_CONFIG "/etc/paperguard/paperguard.conf"
#define TICK_MS 500
#define DRAIN_NS (25 * NS_PER_S)
#define LAST_TURNS 5

extern char **environ;

// --- the guard's table, for people

static void print_table(FILE *out, const struct guard_result results[GUARD_CHECK_COUNT], bool static_only)
{
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        enum guard_check check = (enum guard_check)c;
        if (static_only && !guard_check_is_static(check))
            continue;
        fprintf(out, "  %-7s  %-16s  %s%s%s\n", guard_answer_name(results[c].answer), guard_check_name(check),
                guard_check_text(check), results[c].detail[0] ? " — " : "", results[c].detail);
    }
}

static bool static_checks_pass(const struct daemon *d, bool verbose)
{
    struct guard_result results[GUARD_CHECK_COUNT];
    enum guard_answer worst = guard_table(facts_view(d->facts), clock_boot_ns(), true, results);
    if (worst == GUARD_PASS && !verbose)
        return true;
    fprintf(worst == GUARD_PASS ? stdout : stderr, "guard, static checks:\n");
    print_table(worst == GUARD_PASS ? stdout : stderr, results, true);
    return worst == GUARD_PASS;
}

// --- once per tick: what the service manager and the latch need

static void first_bad(const struct guard_result results[GUARD_CHECK_COUNT], char *out, size_t size)
{
    enum guard_check c = guard_table_worst(results);
    if (c == GUARD_CHECK_COUNT)
        return;
    int n = snprintf(out, size, "%s %s: ", guard_check_name(c), guard_answer_name(results[c].answer));
    str_copy_cut(out + n, size - (size_t)n, results[c].detail);
}

static void tell_status(struct daemon *d, const struct snapshot *s)
{
    char text[sizeof d->status_told];
    const char *why;
    if (s->guard_answer != GUARD_PASS) {
        char bad[170] = "";
        first_bad(s->guard, bad, sizeof bad);
        snprintf(text, sizeof text, "%s: %s", s->halt == HALT_RUNNING ? "waiting" : "orders off", bad);
    } else if (s->guard[CHECK_LEADER].answer == GUARD_FAIL) {
        snprintf(text, sizeof text, "%s%s", s->halt == HALT_RUNNING ? "" : "halted, ", s->guard[CHECK_LEADER].detail);
    } else if (s->halt != HALT_RUNNING) {
        snprintf(text, sizeof text, "%s: %s", s->halt == HALT_REDUCE_ONLY ? "REDUCE ONLY" : "HALTED", s->halt_detail);
    } else if (!reconcile_in_step(d->reconcile, &why)) {
        snprintf(text, sizeof text, "orders held: %s", why);
    } else if (!s->broker_connected) {
        snprintf(text, sizeof text, "the broker does not answer");
    } else {
        char next[WHEN_TEXT_MAX] = "none";
        if (s->next_run_ns)
            when_format_ny(s->next_run_ns, next);
        snprintf(text, sizeof text, "%saccount %s, %s, next run %s", s->simulator ? "SIMULATOR, " : "",
                 s->account_number, s->orders_sent ? "PAPER ORDERS ARE SENT" : "RECORDED ONLY", next);
    }
    if (strcmp(text, d->status_told) == 0)
        return;
    str_copy_cut(d->status_told, sizeof d->status_told, text);
    service_status(text);
    log_info("status: %s", text);
}

// Ready once the guard passes; a halt does not hold readiness back (the service is up and says so). A dynamic FAIL
// before that ends the process: wrong account or live key are not cured by waiting.
static void tell_ready(struct daemon *d, const struct snapshot *s)
{
    bool pass = true;
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        if (c == CHECK_HALT || !guard_table_counts(s->guard, (enum guard_check)c)) // a standby is ready to stand by
            continue;
        if (s->guard[c].answer == GUARD_FAIL && !d->ready_told && c != CHECK_DATABASE_MARKER &&
            c != CHECK_ACCOUNT_STATUS && c != CHECK_SELF_TEST) {
            fprintf(stderr, "guard:\n");
            print_table(stderr, s->guard, false);
            log_message_plain(LOG_LEVEL_ERROR, MESSAGE_GUARD_FAILED, "guard failed at start: %s: %s",
                              guard_check_name((enum guard_check)c), s->guard[c].detail);
            d->exit_status = EX_CONFIG;
            loop_stop(d->loop);
            return;
        }
        pass = pass && s->guard[c].answer == GUARD_PASS;
    }
    if (!pass || d->ready_told)
        return;
    d->ready_told = true;
    print_table(stderr, s->guard, false);
    log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_DAEMON_READY, "ready: the guard passes%s",
                      s->simulator ? " (SIMULATOR)" : "");
    service_ready();
}

// A wrong account, a refused key or another endpoint while running: latch a halt, follow what is open, stay.
static void latch_failures(struct daemon *d, const struct snapshot *s)
{
    // Of the identity's age only a refused key is a FAIL; being old is UNKNOWN.
    static const enum guard_check latching[] = {CHECK_ENDPOINT, CHECK_ACCOUNT_NUMBER, CHECK_ACCOUNT_PIN,
                                                CHECK_ACCOUNT_FIRST, CHECK_ACCOUNT_AGE};
    if (!d->ready_told || s->halt == HALT_HALTED)
        return;
    for (size_t i = 0; i < ARRAY_LEN(latching); i++)
        if (s->guard[latching[i]].answer == GUARD_FAIL) {
            halt_engage(d->halt, HALT_HALTED, s->guard[latching[i]].detail, "guard");
            daemon_alert(d, "guard_failed", guard_check_name(latching[i]), s->guard[latching[i]].detail);
            return;
        }
}

static void tick(void *arg)
{
    struct daemon *d = arg;
    d->tick = loop_after_ms(d->loop, TICK_MS, tick, d);
    halt_check_files(d->halt);
    daemon_facts_look(d);
    const struct snapshot *s = daemon_snapshot(d);
    tell_ready(d, s);
    latch_failures(d, s);
    tell_status(d, s);
    daemon_cache_look(d);
    daemon_hours_look(d);
    daemon_watch_look(d);
    daemon_breaker_look(d);
    daemon_halt_look(d);
    daemon_limits_look(d);
    daemon_schedules_look(d);
    daemon_keys_look(d);
    daemon_selftest_look(d);
    daemon_restored_look(d);
    daemon_mark_look(d);
    daemon_heads_look(d);
}

void daemon_look_soon(struct daemon *d)
{
    d->snapshot.at_boot_ns = 0;
    if (!d->tick)
        return; // not started yet
    loop_cancel(d->loop, &d->tick);
    d->tick = loop_after_ms(d->loop, 0, tick, d);
}

static void watchdog(void *arg)
{
    struct daemon *d = arg;
    uint64_t turns = loop_turns(d->loop);
    if (turns != d->turns_seen) // the ping is earned: the loop has turned
        service_watchdog_ping();
    d->turns_seen = turns;
    d->watchdog = loop_after_ms(d->loop, service_watchdog_ms(), watchdog, d);
}

// --- signals

static void released(void *arg)
{
    loop_stop(((struct daemon *)arg)->loop);
}

static void drain_look(void *arg)
{
    struct daemon *d = arg;
    d->drain = 0;
    bool busy = runs_busy(d->runs) || broker_in_flight(d->broker) > 0 || http_server_in_flight(d->http) > 0 ||
                ledger_mark_owed(d->ledger) || daemon_mark_owed(d);
    if (!busy || clock_boot_ns() > d->drain_until_boot_ns) {
        if (busy)
            log_notice("stopping with a run under way: it is resumed at the next start");
        desk_leave(d->desk);
        leader_release(d->leader, released, d);
        return;
    }
    service_extend_timeout(5000);
    d->drain = loop_after_ms(d->loop, 100, drain_look, d);
}

static void on_stop(void *arg, int signo)
{
    struct daemon *d = arg;
    if (d->draining)
        return;
    log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_DAEMON_STOPPING, "%s: draining",
                      signo == SIGTERM ? "SIGTERM" : "SIGINT");
    d->draining = true;
    service_stopping();
    scheduler_stop(d->scheduler);
    runs_drain(d->runs);
    http_server_drain(d->http);
    d->drain_until_boot_ns = clock_boot_ns() + DRAIN_NS;
    drain_look(d);
}

// Before and after somebody hears them they wait: else they would end the process, and the next life would not know of
// a halt.
static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGHUP);
    CHECK(sigprocmask(how, &set, NULL) == 0);
}

// For whoever has neither the socket nor the folder at hand, but may signal the process.
static void on_halt(void *arg, int signo)
{
    struct daemon *d = arg;
    (void)signo;
    if (d->over)
        d->halt_late = true;
    else
        halt_engage(d->halt, HALT_HALTED, "SIGUSR1", "signal");
}

// What came while all else had ended already is kept for the next life.
static void keep_late_halt(const struct daemon *d)
{
    sigset_t waiting;
    CHECK(sigpending(&waiting) == 0);
    if (d->halt_late || sigismember(&waiting, SIGUSR1))
        halt_keep(d->config->state_dir, HALT_HALTED, "SIGUSR1", "signal");
}

static int reload(struct daemon *d, struct config *fresh, struct err *err)
{
    char changed[400];
    enum log_level level;
    if (facts_judge(fresh, d->config_path, d->envp, err) != 0 ||
        config_reload(d->config, fresh, changed, sizeof changed, err) != 0)
        return -1;
    if (log_level_parse(d->config->log_level, &level))
        log_set_level(level);
    daemon_limits_set(d);
    daemon_selftest(d, "reload");
    log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_RELOADED, "reloaded %s: %s", d->config_path,
                      changed[0] ? changed : "nothing changed");
    return 0;
}

// Parsed anew and judged whole; what may change while running is taken over, the rest waits for a restart. A new config
// never loosens the guard: its static checks must pass, and limits may only become tighter within the session.
static void on_reload(void *arg, int signo)
{
    struct daemon *d = arg;
    struct config *fresh = NULL;
    struct err err;
    (void)signo;
    if (d->over)
        return;
    if (d->ready_told) // before that, READY=1 would say too much
        service_reloading();
    if (config_load(d->config_path, &fresh, &err) == 0 && reload(d, fresh, &err) == 0)
        rotation_start(d->rotation, "reload", NULL, NULL); // when the files hold another key
    else
        log_message_plain(LOG_LEVEL_WARNING, MESSAGE_RELOAD_REFUSED, "reload refused, the running config stays: %s",
                          err.text);
    config_free(fresh);
    if (d->ready_told)
        service_ready();
}

// --- start

static void open_log(struct daemon *d)
{
    const struct log_field fixed[] = {{"ENVIRONMENT", facts_environment_name(d->facts)},
                                      {"DRY_RUN", "true"},
                                      {"ALPACA_PAPER", "true"},
                                      {"INSTANCE", d->config->instance}};
    enum log_level level;
    service_log_open(fixed, ARRAY_LEN(fixed));
    if (log_level_parse(d->config->log_level, &level))
        log_set_level(level);
    const struct guard_facts *f = facts_view(d->facts);
    if (!facts_secrets_locked(d->facts))
        log_notice("keys may be swapped out: RLIMIT_MEMLOCK does not allow to lock them in memory");
    log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_DAEMON_STARTING, "paperguardd %s starting. Commit SHA: %s",
                      PACKAGE_VERSION, PAPERGUARD_COMMIT);
    log_notice("%s, key %s, endpoint %s://%s:%d: %s",
               d->config->orders_mode[0] == 's' ? "PAPER ORDERS ARE SENT" : "RECORDED ONLY", f->key_shown,
               f->trading_scheme, f->trading_host, f->trading_port,
               facts_simulator(d->facts) ? "SIMULATOR" : "Alpaca paper");
}

// What the guard does not judge and what can be known to be wrong before anything is connected to.
static int judge_addresses(const struct config *c, struct err *err)
{
    struct redis_url redis;
    if (!c->database_url[0])
        return err_set(
            err, "no database is named: set [database] url, or DATABASE_URL; without Postgres there are no orders");
    if (pg_dsn_check(c->database_url, err) != 0)
        return err_wrap(err, "[database] url (%s)", config_origin(c, "database", "url"));
    if (daemon_judge_audit(c, err) != 0)
        return -1;
    if (!c->redis_url[0])
        return 0;
    if (redis_url_parse(c->redis_url, &redis, err) != 0)
        return err_wrap(err, "[redis] url (%s)", config_origin(c, "redis", "url"));
    redis_url_free(&redis);
    return 0;
}

static int daemon_begin(struct daemon *d, struct err *err)
{
    d->loop = loop_new();
    d->disk = disk_new();
    d->snapshot.started_wall_ns = clock_wall_ns();
    daemon_limits_set(d);
    if (d->config->host[0])
        str_copy_cut(d->host, sizeof d->host, d->config->host);
    else if (gethostname(d->host, sizeof d->host - 1) != 0)
        str_copy_cut(d->host, sizeof d->host, "unknown");
    if (daemon_start(d, err) != 0)
        return EX_CONFIG;
    if (daemon_listen(d, err) != 0)
        return EX_UNAVAILABLE;
    loop_on_signal(d->loop, SIGTERM, on_stop, d);
    loop_on_signal(d->loop, SIGINT, on_stop, d);
    loop_on_signal(d->loop, SIGHUP, on_reload, d);
    loop_on_signal(d->loop, SIGUSR1, on_halt, d);
    hold_signals(SIG_UNBLOCK);
    return EX_OK;
}

static void daemon_end(struct daemon *d)
{
    d->draining = true; // a late signal finds nothing to do
    loop_cancel(d->loop, &d->tick);
    loop_cancel(d->loop, &d->watchdog);
    loop_cancel(d->loop, &d->drain);
    d->over = true;
    daemon_stop(d);
    daemon_disk_free(d);
    for (int i = 0; i < LAST_TURNS; i++) // killed children are reaped
        loop_step(d->loop, 10);
    hold_signals(SIG_BLOCK);
    loop_free(d->loop);
    keep_late_halt(d);
    daemon_home_leave(d);
}

static int run_daemon(struct daemon *d)
{
    struct err err;
    pg_client_global_init();
    open_log(d);
    int status = http_client_global_init(&err) != 0 ? EX_UNAVAILABLE : daemon_home_enter(d, &err);
    if (status != EX_OK) {
        fprintf(stderr, "paperguardd: %s\n", err.text);
        return status;
    }
    status = daemon_begin(d, &err);
    if (status == EX_OK) {
        if (service_watchdog_ms() > 0)
            watchdog(d);
        daemon_selftest(d, "start");
        tick(d);
        reconcile_start(d->reconcile);
        loop_run(d->loop);
        log_notice("stopped");
    } else {
        fprintf(stderr, "paperguardd: %s\n", err.text);
    }
    daemon_end(d);
    return status != EX_OK ? status : d->exit_status;
}

static void usage(FILE *out)
{
    fprintf(out, "usage: paperguardd [--config FILE] [--check | --dump]\n"
                 "       paperguardd --sample | --manual | --version | --help\n\n"
                 "  --config FILE  default " DEFAULT_CONFIG "\n"
                 "  --check        read everything, print the guard's static checks, exit 0 or 78\n"
                 "  --dump         print every option with its value and where it comes from\n"
                 "  --sample       print a sample configuration\n"
                 "  --manual       print the manual page's list of options\n");
}

static void print_made(void (*make)(struct text *out))
{
    struct text t;
    text_init(&t, 1u << 20);
    make(&t);
    fputs(text_str(&t), stdout);
    text_free(&t);
}

enum mode { MODE_RUN, MODE_CHECK, MODE_DUMP };

static int with_config(struct daemon *d, enum mode mode)
{
    struct err err;
    if (when_zone_init(&err) != 0 || config_load(d->config_path, &d->config, &err) != 0 ||
        facts_gather(d->config, d->config_path, d->envp, &d->facts, &err) != 0) {
        fprintf(stderr, "paperguardd: %s\n", err.text);
        config_free(d->config);
        return EX_CONFIG;
    }
    int status = EX_OK;
    if (mode == MODE_DUMP) {
        struct text t;
        text_init(&t, 1u << 20);
        config_dump(d->config, &t);
        fputs(text_str(&t), stdout);
        text_free(&t);
    } else if (!static_checks_pass(d, mode == MODE_CHECK)) {
        fprintf(stderr, "paperguardd: %s; mend what is named above\n",
                mode == MODE_CHECK ? "it would not start" : "refused to start");
        status = EX_CONFIG;
    } else if (judge_addresses(d->config, &err) != 0) {
        fprintf(stderr, "paperguardd: %s\n", err.text);
        status = EX_CONFIG;
    } else if (mode == MODE_RUN) {
        status = run_daemon(d);
    }
    facts_free(d->facts);
    config_free(d->config);
    return status;
}

// Nothing of this process may end up in a core file or in another's debugger: it holds keys.
static bool hide_memory(void)
{
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

static bool may_be_secret(const char *entry)
{
    const char *end = entry + strcspn(entry, "=");
    static const char *const words[] = {"KEY", "SECRET", "PASS", "TOKEN", "URL", "DSN"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const char *at = strstr(entry, words[i]);
        if (at && at < end)
            return true;
    }
    return false;
}

// The environment as it was is ours alone: what the system shows of it (/proc/PID/environ) keeps the names, and loses
// the values that may be secret. NULL-terminated; owned.
static char **environment_take(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **taken = check_alloc(count + 1, sizeof *taken);
    for (size_t i = 0; i < count; i++) {
        char *entry = environ[i];
        char *value = strchr(entry, '=');
        bool secret = value && may_be_secret(entry);
        taken[i] = secret ? secret_keep(entry) : check_strdup(entry);
        if (secret)
            mem_wipe(value + 1, strlen(value + 1));
    }
    return taken;
}

static void environment_free(char **taken)
{
    for (size_t i = 0; taken[i]; i++)
        if (strchr(taken[i], '=') && may_be_secret(taken[i]))
            secret_drop(taken[i]);
        else
            free(taken[i]);
    free(taken);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"dump", no_argument, NULL, 'd'},         {"sample", no_argument, NULL, 's'},
        {"manual", no_argument, NULL, 'm'},       {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct daemon d = {.config_path = DEFAULT_CONFIG};
    enum mode mode = MODE_RUN;
    if (!hide_memory()) {
        perror("paperguardd: memory cannot be kept from core files");
        return EX_OSERR;
    }
    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            d.config_path = optarg;
            break;
        case 'k':
            mode = MODE_CHECK;
            break;
        case 'd':
            mode = MODE_DUMP;
            break;
        case 's':
            print_made(config_sample);
            return EX_OK;
        case 'm':
            print_made(config_manual);
            return EX_OK;
        case 'V':
            printf("paperguardd %s (commit %s)\n", PACKAGE_VERSION, PAPERGUARD_COMMIT);
            return EX_OK;
        case 'h':
            usage(stdout);
            return EX_OK;
        default:
            usage(stderr);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "paperguardd: unexpected argument \"%s\"\n", argv[optind]);
        return EX_USAGE;
    }
    if (mode == MODE_RUN)
        hold_signals(SIG_BLOCK);
    char **taken = environment_take();
    d.envp = taken;
    int status = with_config(&d, mode);
    environment_free(taken);
    return status;
}
