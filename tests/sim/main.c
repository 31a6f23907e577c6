// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// simulate: whole days of trouble in simulated time, one process for each seed. First faults, then a phase without, in
// which everything must come to its end and ledger and exchange must agree.
//
//   simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--trace] [--first]
//
// --first ends with the first seed that finds a violation.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "tests/sim/pool.h"
#include "tests/sim/scenario.h"

static struct {
    struct site_params site;
    uint64_t base, seeds;
    int jobs;
    bool trace, first;
} m = {.base = 1, .seeds = 1, .jobs = 1};

static pid_t begin_seed(uint64_t seed, int place, int *out)
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
        struct result r = scenario_run(seed, &m.site, m.trace);
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

// False: it ended in the middle of something.
static bool end_seed(struct running *r, struct result *sum)
{
    struct result one = {0};
    int status = 0;
    bool told = read(r->fd, &one, sizeof one) == sizeof one;
    close(r->fd);
    waitpid(r->pid, &status, 0);
    bool whole = told && status == 0;
    if (!whole) {
        printf("violation: seed %llu: the daemon's process ended with %s %d\n", (unsigned long long)r->seed,
               WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        one.violations = 1;
    }
    if (m.seeds == 1)
        printf("seed %llu: %llu steps, %llu batches, hash %016llx\n", (unsigned long long)r->seed,
               (unsigned long long)one.steps, (unsigned long long)one.batches, (unsigned long long)one.hash);
    sum->steps += one.steps;
    for (size_t k = 0; k < WORLD_SUM_COUNT; k++)
        sum->sums[k] += one.sums[k];
    sum->violations += one.violations;
    r->pid = 0;
    return whole;
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

#define SUM_NAME(symbol, word) word,
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
            running[k].pid = begin_seed(running[k].seed, k, &running[k].fd);
            under_way++;
            continue;
        }
        struct running *r = ended_one(running, m.jobs);
        if (!end_seed(r, &sum))
            pool_renew((int)(r - running));
        under_way--;
    }
    static const char *const names[] = {WORLD_SUMS(SUM_NAME)};
    for (size_t k = 0; k < WORLD_SUM_COUNT; k++)
        printf("%s%s=%llu", k ? " " : "", names[k], (unsigned long long)sum.sums[k]);
    printf("\nseeds %llu, steps %llu, violations %d\n", (unsigned long long)m.seeds, (unsigned long long)sum.steps,
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
            m.site.dsn = optarg;
            break;
        case 'f':
            m.site.dir = optarg;
            break;
        case 'p':
            m.site.data = optarg;
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
    if (!m.site.dsn || !m.site.dir || !m.site.data || m.jobs < 1 || m.jobs > 64) {
        fprintf(stderr, "usage: simulate --dsn DSN --dir DIR --data DIR [--base N] [--seeds N] [--jobs N] [--trace] "
                        "[--first]\n");
        return 64;
    }
    pool_open(m.site.dsn, m.jobs);
    return all_seeds();
}
