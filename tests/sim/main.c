// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// simulate: whole days of trouble in simulated time, one process for each seed. First faults, then a phase without, in
// which everything must come to its end and ledger and exchange must agree.
//
//   simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--again DSN] [--trace] [--first]
//   [--seconds N] [--before N]
//
// --again DSN: now and then a seed runs a second time, in this database, and must go the same way to the last step.
// --first ends with the first seed that finds a violation, --seconds N begins no seed after N seconds, --before N runs
// seed N before the others.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/incidents.h"
#include "tests/sim/pool.h"
#include "tests/sim/scenario.h"

#define PLACES_MAX 64
#define AGAIN_EACH 50 // seeds: one of them runs twice

struct running {
    pid_t pid;
    int fd;
    uint64_t seed;
};

static struct {
    struct site_params site;
    const char *dsn_again;        // of a database for those that run a second time; NULL: none does
    uint64_t base, seeds, before; // before: a seed that comes first; 0: none
    int64_t ends_ns;              // no seed begins after it; 0: none ends it
    int jobs;
    bool trace, first, incidents;
    size_t held;                            // of the incidents
    struct running running[PLACES_MAX + 1]; // the last place is theirs
    struct {
        uint64_t seed, hash;
        bool due;
    } again;
    struct result sum;
} m = {.base = 1, .seeds = 1, .jobs = 1};

// The folders of both times have names of one length: what is noted of them is cut at the same place.
static struct result run_one(uint64_t seed, bool again)
{
    char dir[300];
    struct site_params site = m.site;
    snprintf(dir, sizeof dir, "%s/%d", m.site.dir, again ? 2 : 1);
    mkdir(dir, 0700);
    site.dir = dir;
    if (m.incidents)
        incidents_choose(incidents_at(seed - m.base));
    return scenario_run(seed, &site, m.trace);
}

static void begin_seed(uint64_t seed, int place)
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
        pool_sit(place);
        if (!m.trace && !freopen("/dev/null", "we", stderr))
            _exit(2);
        struct result r = run_one(seed, place == m.jobs);
        fflush(stdout);
        _exit(write(pipe_fds[1], &r, sizeof r) == sizeof r ? 0 : 2);
    }
    close(pipe_fds[1]);
    m.running[place] = (struct running){pid, pipe_fds[0], seed};
}

static void add_up(const struct result *one)
{
    m.sum.steps += one->steps;
    for (size_t k = 0; k < WORLD_SUM_COUNT; k++)
        m.sum.sums[k] += one->sums[k];
    m.sum.violations += one->violations;
    if (m.seeds == 1)
        printf("seed %llu: %llu steps, %llu batches, hash %016llx\n", (unsigned long long)one->seed,
               (unsigned long long)one->steps, (unsigned long long)one->batches, (unsigned long long)one->hash);
    if (m.dsn_again && !m.again.due && m.running[m.jobs].pid == 0 && (one->seed - m.base) % AGAIN_EACH == 0) {
        m.again.seed = one->seed;
        m.again.hash = one->hash;
        m.again.due = true;
    }
}

static void compare(const struct result *one)
{
    if (one->hash == m.again.hash)
        return;
    printf("violation: seed %llu goes two ways when it runs twice, hash %016llx and %016llx: something was not drawn "
           "from the seed\n",
           (unsigned long long)one->seed, (unsigned long long)m.again.hash, (unsigned long long)one->hash);
    m.sum.violations++;
}

static void tell_incident(const struct result *one)
{
    const struct incident *x = incidents_at(one->seed - m.base);
    bool happened = one->sums[x->happened] > 0;
    m.held += happened && one->violations == 0;
    if (!happened || one->violations)
        printf("violation: incident %s (%s): %s\n", x->source, x->what, happened ? "see above" : "it did not happen");
}

static void end_seed(int place)
{
    struct running *r = &m.running[place];
    struct result one = {0};
    int status = 0;
    bool told = read(r->fd, &one, sizeof one) == sizeof one;
    close(r->fd);
    waitpid(r->pid, &status, 0);
    r->pid = 0;
    if (!told || status != 0) {
        printf("violation: seed %llu: the daemon's process ended with %s %d\n", (unsigned long long)r->seed,
               WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        m.sum.violations++;
        pool_renew(place);
    } else if (place == m.jobs) {
        compare(&one);
    } else {
        add_up(&one);
        if (m.incidents)
            tell_incident(&one);
    }
}

static int ended_one(void)
{
    siginfo_t info = {0};
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
    for (int i = 0; i <= m.jobs; i++)
        if (m.running[i].pid == info.si_pid)
            return i;
    abort();
}

static uint64_t seed_at(uint64_t i)
{
    if (m.before)
        return i == 0 ? m.before : m.base + i - 1;
    return m.base + i;
}

static int idle_place(void)
{
    int k = 0;
    while (m.running[k].pid)
        k++;
    return k;
}

// True time: the clock that this program is linked with is the simulated one.
static int64_t now_ns(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

#define SUM_NAME(symbol, word) word,
static int all_seeds(void)
{
    int under_way = 0;
    for (uint64_t i = 0; i < m.seeds || under_way > 0 || m.again.due;) {
        bool over = m.ends_ns && i < m.seeds && now_ns() > m.ends_ns;
        if (over)
            printf("no time is left for %llu more seeds\n", (unsigned long long)(m.seeds - i));
        if (over || (m.first && m.sum.violations > 0)) { // those under way still end
            m.seeds = i;
            m.again.due = false;
        }
        if (under_way < m.jobs && m.again.due) {
            m.again.due = false;
            begin_seed(m.again.seed, m.jobs);
            under_way++;
        } else if (under_way < m.jobs && i < m.seeds) {
            begin_seed(seed_at(i++), idle_place());
            under_way++;
        } else if (under_way > 0) {
            end_seed(ended_one());
            under_way--;
        }
    }
    static const char *const names[] = {WORLD_SUMS(SUM_NAME)};
    for (size_t k = 0; k < WORLD_SUM_COUNT; k++)
        printf("%s%s=%llu", k ? " " : "", names[k], (unsigned long long)m.sum.sums[k]);
    if (m.incidents)
        printf("\nincidents %zu of %zu", m.held, incidents_count());
    printf("\nseeds %llu, steps %llu, violations %d\n", (unsigned long long)m.seeds, (unsigned long long)m.sum.steps,
           m.sum.violations);
    return m.sum.violations || (m.incidents && m.held < incidents_count()) ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"dsn", required_argument, NULL, 'd'},
                                            {"dir", required_argument, NULL, 'f'},
                                            {"data", required_argument, NULL, 'p'},
                                            {"base", required_argument, NULL, 'b'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"again", required_argument, NULL, 'a'},
                                            {"trace", no_argument, NULL, 't'},
                                            {"incidents", no_argument, NULL, 'i'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"first", no_argument, NULL, '1'},
                                            {"before", required_argument, NULL, 'x'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            m.site.dsn = optarg;
            break;
        case 'f':
            m.site.dir = optarg;
            break;
        case 'p':
            m.site.data = optarg;
            break;
        case 'a':
            m.dsn_again = optarg;
            break;
        case 'b':
            m.base = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            m.seeds = strtoull(optarg, NULL, 10);
            break;
        case 'x':
            m.before = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            m.jobs = atoi(optarg);
            break;
        case 'i':
            m.incidents = true;
            break;
        case 's':
            m.ends_ns = now_ns() + strtoll(optarg, NULL, 10) * NS_PER_S;
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
    if (!m.site.dsn || !m.site.dir || !m.site.data || m.jobs < 1 || m.jobs > PLACES_MAX) {
        fprintf(stderr, "usage: simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--trace] "
                        "[--again DSN] [--first] [--incidents] [--seconds N] [--before N]\n");
        return 64;
    }
    if (m.incidents)
        m.seeds = incidents_count();
    pool_open(m.site.dsn, m.jobs);
    if (m.dsn_again)
        pool_add(m.dsn_again);
    return all_seeds();
}
