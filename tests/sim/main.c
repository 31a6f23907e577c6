// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// simulate: whole days of trouble in simulated time, one process for each seed. First faults, then a phase without, in
// which everything must come to its end and ledger and exchange must agree.
//
//   simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--trace] [--first]
//
// --first ends with the first seed that finds a violation.
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/log.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/child.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define KEY "PKSIMSIMULATION00001"
#define SECRET "sim-secret-of-the-simulated-world-000001"
#define TOKEN "token-of-the-simulated-world"
#define S NS_PER_S
#define MS NS_PER_MS
#define FAULTS_NS (INT64_C(300) * S)
#define CALM_NS (INT64_C(900) * S)
#define RUNS_AGAIN_NS (INT64_C(90) * S)
#define COMPARED_NS (INT64_C(190) * S) // late orders have come, and ledger and broker were compared after them
#define QUIET_LOOK_NS (INT64_C(3) * S)

int paperguardd_main(int argc, char **argv);

struct result { // what a seed's process tells
    uint64_t seed, steps, hash, batches;
    int violations;
};

static struct {
    const char *dsn, *dir, *data;
    uint64_t base, seeds;
    int jobs;
    bool trace, first;
    char folder[300], config[340];
    struct sim *exchange;
    struct host *host;
    bool opened, asked, faults, paused;
    int64_t kill_ppm, freeze_ppm; // at a statement of a run
    int64_t quiet_looked;
} m = {.base = 1, .seeds = 1, .jobs = 1};

// --- a seed's site

static void make_folder(const char *path, mode_t mode)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        perror(path);
        exit(2);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fchmod(fileno(f), 0600) != 0 || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

static void make_site(uint64_t seed)
{
    char path[400];
    struct text t;
    snprintf(m.folder, sizeof m.folder, "%s/s%llu", m.dir, (unsigned long long)seed);
    snprintf(m.config, sizeof m.config, "%s/paperguard.conf", m.folder);
    make_folder(m.folder, 0700);
    snprintf(path, sizeof path, "%s/state", m.folder);
    make_folder(path, 0700);
    snprintf(path, sizeof path, "%s/token", m.folder);
    write_file(path, TOKEN "\n");
    // In a long run an order that never arrived is sent again, in a short one it is given up.
    bool slow = world_chance(DRAW_SCENARIO, 500000);
    const char *deadline = slow ? "150s" : "40s", *schedule = slow ? "every 180s" : "every 60s";
    text_init(&t, 8192);
    text_addf(
        &t,
        "[daemon]\nstate_dir = %s/state\nadmin_socket = %s/admin.sock\nlog_level = info\ninstance = s%llu\n"
        "[broker]\nendpoint = http://127.0.0.1:9\npoll_interval = 500ms\nstream = off\nrequests_per_minute = 6000\n"
        "[database]\nurl = %s\n[http]\ntoken_file = %s/token\n[schedule]\nlatest_start = 20s\nrun_deadline = %s\n"
        "[listen \"main\"]\naddress = 127.0.0.1:0\nroles = health api\n"
        "[strategy \"a\"]\ncommand = /sim/strategy\nsymbols = SPY TLT\nallocation = 0.6\nschedule = %s\n"
        "band = 0\n"
        "[strategy \"b\"]\ncommand = /sim/strategy\nsymbols = SPY GLD\nallocation = 0.4\nschedule = %s\n"
        "band = 0\nexecution = limit-walk\n",
        m.folder, m.folder, (unsigned long long)seed, m.dsn, m.folder, deadline, schedule, schedule);
    write_file(m.config, text_str(&t));
    text_free(&t);
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        unlink(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char below[800];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        remove_tree(below);
    }
    closedir(d);
    rmdir(path);
}

static struct sim *make_exchange(uint64_t seed)
{
    struct err err;
    const struct sim_params params = {
        .key = KEY,
        .secret = SECRET,
        .request_salt = seed,
        .market = {.seed = seed, .speed = 200},
        .exchange = {.seed = seed,
                     .id_salt = 77,
                     .cash = {100000 * DECIMAL_ONE},
                     .multiplier = 4,
                     .fill_delay_ns = world_between(DRAW_SCENARIO, 20, 4000) * MS,
                     .partial_ppm = world_between(DRAW_SCENARIO, 0, 700000)},
        .data_dir = m.data,
    };
    struct sim *s = sim_new(&params, world_wall_ns(), &err);
    if (!s) {
        fprintf(stderr, "simulate: %s\n", err.text);
        exit(2);
    }
    return s;
}

// --- what goes wrong

static int64_t rate(int64_t often_ppm, int64_t most_ppm)
{
    return world_chance(DRAW_SCENARIO, often_ppm) ? world_between(DRAW_SCENARIO, 0, most_ppm) : 0;
}

static void draw_faults(void)
{
    *wire_faults() = (struct wire_faults){.lost = rate(500000, 60000),
                                          .answer_lost = rate(600000, 60000),
                                          .late = rate(400000, 30000),
                                          .gateway = rate(300000, 50000),
                                          .gateway_after = rate(300000, 50000),
                                          .limited = rate(200000, 50000),
                                          .html = rate(200000, 30000),
                                          .truncated = rate(200000, 30000),
                                          .duplicated = rate(300000, 100000)};
    m.kill_ppm = rate(400000, 30000);
    m.freeze_ppm = rate(300000, 60000);
    *store_faults() = (struct store_faults){.lost = rate(400000, 20000), .answer_lost = rate(400000, 20000)};
    child_failures(rate(300000, 300000));
}

static void start_again(void *arg)
{
    if (!host_alive(arg))
        host_start(arg);
}

static void kill_again(void *arg)
{
    if (!m.faults)
        return;
    world_note("killed");
    host_kill(arg);
    world_after(world_between(DRAW_KILL, 50, 15000) * MS, start_again, arg);
    world_after(world_between(DRAW_KILL, 1000, 90000) * MS, kill_again, arg);
}

static void outage(void *arg)
{
    if (!m.faults)
        return;
    int64_t until = world_ns() + world_between(DRAW_SCENARIO, 100, 20000) * MS;
    if (world_chance(DRAW_SCENARIO, 500000))
        store_faults()->down_until = until;
    else
        wire_faults()->down_until = until;
    world_note("an outage until %lld ms", (long long)(until / MS));
    world_after(world_between(DRAW_SCENARIO, 20, 150) * S, outage, arg);
}

static void freeze(void *arg)
{
    if (!m.faults)
        return;
    world_note("frozen");
    host_freeze(arg, world_between(DRAW_SCENARIO, 1000, 60000) * MS);
    world_after(world_between(DRAW_SCENARIO, 60, 300) * S, freeze, arg);
}

static void clock_steps(void *arg)
{
    if (!m.faults)
        return;
    clock_step(arg, world_between(DRAW_SCENARIO, -20000, 90000) * MS);
    world_after(world_between(DRAW_SCENARIO, 60, 300) * S, clock_steps, arg);
}

// A life may end, or stand still, at any step of a run.
static void at_statement(struct host *h, const char *statement)
{
    static const char *const steps[] = {"run_claim",    "run_plan",     "run_update",  "intent_commit",
                                        "order_update", "fills_record", "order_listed"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (!m.faults || strcmp(steps[i], statement) != 0)
            continue;
        if (world_chance(DRAW_KILL, m.freeze_ppm)) {
            world_note("frozen after %s", statement);
            host_freeze(h, world_between(DRAW_KILL, 1, 200) * S);
        } else if (world_chance(DRAW_KILL, m.kill_ppm)) {
            world_note("killed after %s", statement);
            host_kill(h);
            world_after(world_between(DRAW_KILL, 50, 15000) * MS, start_again, h);
        }
    }
}

static void begin_faults(void)
{
    m.faults = true;
    draw_faults();
    if (world_chance(DRAW_SCENARIO, 600000))
        world_after(world_between(DRAW_KILL, 500, 90000) * MS, kill_again, m.host);
    if (world_chance(DRAW_SCENARIO, 400000))
        world_after(world_between(DRAW_SCENARIO, 5, 100) * S, outage, m.host);
    if (world_chance(DRAW_SCENARIO, 200000))
        world_after(world_between(DRAW_SCENARIO, 5, 200) * S, freeze, m.host);
    if (world_chance(DRAW_SCENARIO, 150000))
        world_after(world_between(DRAW_SCENARIO, 5, 200) * S, clock_steps, m.host);
}

static void end_faults(void)
{
    m.faults = false;
    *wire_faults() = (struct wire_faults){0};
    *store_faults() = (struct store_faults){0};
    child_failures(0);
    world_run(host_thaws_ns(m.host), NULL);
    if (!host_alive(m.host))
        host_start(m.host);
}

// --- the operator

static void opening_answered(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    m.asked = false;
    m.opened = m.opened || status == 200;
}

static void accept_opening(void *arg)
{
    if (m.opened)
        return;
    if (!m.asked && host_alive(m.host)) {
        m.asked = true;
        server_ask(m.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/opening/accept", "{}", NULL, opening_answered, NULL);
    }
    world_after(S, accept_opening, arg);
}

static bool opened(void)
{
    return m.opened;
}

// No new runs: what is there ends, and everything is compared once more.
static void pause_answered(void *arg, int status, const char *body)
{
    (void)arg;
    if (status != 200)
        check_violation("a pause is answered %d %.200s", status, body);
    else
        m.paused = true;
}

static void pause_strategies(void)
{
    server_ask(m.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/strategies/pause",
               "{\"strategies\":[\"a\"],\"reason\":\"the day is over\"}", NULL, pause_answered, NULL);
    server_ask(m.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/strategies/pause",
               "{\"strategies\":[\"b\"],\"reason\":\"the day is over\"}", NULL, pause_answered, NULL);
}

static bool paused(void)
{
    return m.paused;
}

static bool quiet(void)
{
    if (world_ns() < m.quiet_looked + QUIET_LOOK_NS)
        return false;
    m.quiet_looked = world_ns();
    return check_quiet();
}

// --- a seed

// What an ended life held of the system: the lock of its state folder.
static void close_lock(struct host *h)
{
    char link[64], path[400], lock[340];
    (void)h;
    snprintf(lock, sizeof lock, "%s/state/lock", m.folder);
    for (int fd = 3; fd < 256; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        if (n > 0 && (size_t)n == strlen(lock) && memcmp(path, lock, (size_t)n) == 0)
            close(fd);
    }
}

static void set_environment(void)
{
    clearenv();
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("TZ", "America/New_York", 1);
    setenv("ENVIRONMENT", "staging", 1);
    setenv("DRY_RUN", "true", 1);
    setenv("ALPACA_PAPER", "true", 1);
    setenv("ALPACA_KEY", KEY, 1);
    setenv("ALPACA_SECRET", SECRET, 1);
}

static int entry(int argc, char **argv)
{
    optind = 0;
    return paperguardd_main(argc, argv);
}

static struct result simulate(uint64_t seed)
{
    struct err err;
    static char *argv[4];
    set_environment();
    CHECK(when_zone_init(&err) == 0);
    world_begin(seed, day_at((struct day){2026, 10, 8}, 11 * 3600));
    world_trace(m.trace);
    world_hide(m.dir);
    store_begin(m.dsn);
    store_watch(at_statement);
    server_begin();
    clock_begin();
    world_on_end(close_lock);
    make_site(seed);
    m.exchange = make_exchange(seed);
    wire_begin(m.exchange);
    check_begin(m.exchange, sim_account_number(m.exchange));
    argv[0] = (char *)(uintptr_t) "paperguardd";
    argv[1] = (char *)(uintptr_t) "--config";
    argv[2] = m.config;
    m.host = host_new("h1", entry, argv);
    host_start(m.host);
    world_after(S, accept_opening, NULL);
    if (!world_run(120 * S, opened))
        check_violation("the opening was not accepted within two minutes without a fault");
    begin_faults();
    world_run(world_ns() + FAULTS_NS, NULL);
    end_faults();
    world_note("calm");
    world_run(world_ns() + RUNS_AGAIN_NS, NULL);
    pause_strategies();
    if (!world_run(world_ns() + 10 * S, paused))
        check_violation("strategies were not paused");
    if (!world_run(world_ns() + CALM_NS, quiet)) {
        check_violation("not everything has ended %lld s after the last fault", (long long)(CALM_NS / S));
        check_tell_unquiet();
    }
    world_run(world_ns() + COMPARED_NS, NULL);
    check_same();
    struct result r = {seed, world_steps(), world_hash(), store_batches(), check_violations()};
    remove_tree(m.folder);
    return r;
}

// --- all of them

static pid_t begin_seed(uint64_t seed, int *out)
{
    int pipe_fds[2];
    fflush(stdout);
    if (pipe(pipe_fds) != 0) {
        perror("pipe");
        exit(2);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pipe_fds[0]);
        if (!m.trace && !freopen("/dev/null", "we", stderr))
            _exit(2);
        struct result r = simulate(seed);
        fflush(stdout);
        _exit(write(pipe_fds[1], &r, sizeof r) == sizeof r ? 0 : 2);
    }
    close(pipe_fds[1]);
    *out = pipe_fds[0];
    return pid;
}

struct running {
    pid_t pid;
    int fd;
    uint64_t seed;
};

static void end_seed(struct running *r, struct result *sum)
{
    struct result one = {0};
    int status = 0;
    bool told = read(r->fd, &one, sizeof one) == sizeof one;
    close(r->fd);
    waitpid(r->pid, &status, 0);
    if (!told || status != 0) {
        printf("violation: seed %llu: the daemon's process ended with %s %d\n", (unsigned long long)r->seed,
               WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        one.violations = 1;
    }
    if (m.seeds == 1)
        printf("seed %llu: %llu steps, %llu batches, hash %016llx\n", (unsigned long long)r->seed,
               (unsigned long long)one.steps, (unsigned long long)one.batches, (unsigned long long)one.hash);
    sum->steps += one.steps;
    sum->violations += one.violations;
    r->pid = 0;
}

static struct running *ended_one(struct running *all, int jobs)
{
    siginfo_t info = {0};
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
    for (int i = 0; i < jobs; i++)
        if (all[i].pid == info.si_pid)
            return &all[i];
    abort();
}

static int all_seeds(void)
{
    struct running running[64] = {{0}};
    struct result sum = {0};
    int under_way = 0;
    for (uint64_t i = 0; i < m.seeds || under_way > 0;) {
        if (m.first && sum.violations > 0)
            m.seeds = i; // those under way still end
        if (i == m.seeds && under_way == 0)
            break;
        if (i < m.seeds && under_way < m.jobs) {
            int k = 0;
            while (running[k].pid)
                k++;
            running[k].seed = m.base + i++;
            running[k].pid = begin_seed(running[k].seed, &running[k].fd);
            under_way++;
            continue;
        }
        end_seed(ended_one(running, m.jobs), &sum);
        under_way--;
    }
    printf("seeds %llu, steps %llu, violations %d\n", (unsigned long long)m.seeds, (unsigned long long)sum.steps,
           sum.violations);
    return sum.violations ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"dsn", required_argument, NULL, 'd'},
                                            {"dir", required_argument, NULL, 'f'},
                                            {"data", required_argument, NULL, 'p'},
                                            {"base", required_argument, NULL, 'b'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"trace", no_argument, NULL, 't'},
                                            {"first", no_argument, NULL, '1'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            m.dsn = optarg;
            break;
        case 'f':
            m.dir = optarg;
            break;
        case 'p':
            m.data = optarg;
            break;
        case 'b':
            m.base = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            m.seeds = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            m.jobs = atoi(optarg);
            break;
        case '1':
            m.first = true;
            break;
        case 't':
            m.trace = true;
            break;
        default:
            return 64;
        }
    }
    if (!m.dsn || !m.dir || !m.data || m.jobs < 1 || m.jobs > 64) {
        fprintf(stderr, "usage: simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--trace] "
                        "[--first]\n");
        return 64;
    }
    return all_seeds();
}
