// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard-rehearse, behind `paperguard rehearse`: how a configuration would have done over old prices. This process
// keeps folder and database; the rehearsal itself is a child, so that all of it is gone when it ends.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "tests/sim/rehearse/rehearse.h"
#include "tests/sim/world.h"

#define STORE_OPTIONS " options='-c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex -c client_min_messages=warning'"
#define CAPITAL_MAX (10000000 * DECIMAL_ONE)

static volatile sig_atomic_t asked_to_end, rehearsing; // the child, 0 before

static void on_end(int signo)
{
    asked_to_end = signo;
    if (rehearsing)
        kill((pid_t)rehearsing, SIGKILL);
}

static void remove_tree(const char *path)
{
    struct stat st;
    DIR *d = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char below[2 * REHEARSE_PATH_MAX];
        if (str_equal(e->d_name, ".") || str_equal(e->d_name, ".."))
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        remove_tree(below);
    }
    if (d)
        closedir(d);
    if (str_ends(path, ".XXXXXX"))
        return; // was never made
    if (remove(path) != 0 && errno != ENOENT)
        fprintf(stderr, "paperguard: rehearse: %s stays: %s\n", path, strerror(errno));
}

// --- options

static const char help[] = "usage: paperguard rehearse [--config FILE] [--prices DIR] [--from DATE] [--to DATE]\n"
                           "                           [--seed N] [--capital DOLLARS] [--database URL] [--dump FILE]\n";

static int wrong(const char *name, const char *found, const char *expected)
{
    fprintf(stderr, "paperguard: rehearse: --%s \"%.64s\": expected %s\n", name, found, expected);
    return EX_USAGE;
}

static int take_value(struct rehearsal *r, int id, const char *text)
{
    int rc = 0;
    switch (id) {
    case 'f':
        rc = day_parse(text, &r->from) ? 0 : wrong("from", text, "a date YYYY-MM-DD");
        break;
    case 't':
        rc = day_parse(text, &r->to) ? 0 : wrong("to", text, "a date YYYY-MM-DD");
        break;
    case 's':
        rc = str_int64(text, 0, INT64_MAX, &r->seed) ? 0 : wrong("seed", text, "a whole number from 0");
        break;
    default:
        if (decimal_parse(text, strlen(text), DECIMAL_EXACT, &r->capital.nanos) != DECIMAL_OK ||
            r->capital.nanos < 1000 * DECIMAL_ONE || r->capital.nanos > CAPITAL_MAX)
            rc = wrong("capital", text, "dollars from 1000 to 10000000");
        break;
    }
    return rc;
}

static int take_option(struct rehearsal *r, int id, const char *text)
{
    switch (id) {
    case 'c':
        r->config = text;
        return 0;
    case 'p':
        r->prices = text;
        return 0;
    case 'd':
        r->database = text;
        return 0;
    case 'D':
        r->dump = text;
        return 0;
    case 'T':
        r->trace = true;
        return 0;
    case 'j':
        r->json = true;
        return 0;
    case '?':
        fputs(help, stderr);
        return EX_USAGE;
    default:
        return take_value(r, id, text);
    }
}

static int read_options(struct rehearsal *r, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"prices", required_argument, NULL, 'p'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"capital", required_argument, NULL, 'm'},
                                            {"database", required_argument, NULL, 'd'},
                                            {"dump", required_argument, NULL, 'D'},
                                            {"trace", no_argument, NULL, 'T'},
                                            {"json", no_argument, NULL, 'j'},
                                            {0}};
    int rc = 0;
    for (int id; rc == 0 && (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
        rc = take_option(r, id, optarg);
    if (rc == 0 && optind < argc) {
        fprintf(stderr, "paperguard: rehearse: \"%.64s\" is not expected\n%s", argv[optind], help);
        rc = EX_USAGE;
    }
    return rc;
}

// --- the rehearsal itself

static void find_self(struct rehearsal *r)
{
    ssize_t n = readlink("/proc/self/exe", r->self, sizeof r->self - 1);
    r->self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(r->self, '/');
    if (slash)
        *slash = '\0';
    if (!r->prices)
        r->prices = prices_shipped(r);
}

static bool open_to_all(const char *path)
{
    char at[REHEARSE_PATH_MAX];
    struct stat st;
    bool open = true;
    snprintf(at, sizeof at, "%s", path);
    for (char *slash; open && (slash = strrchr(at, '/')); *slash = '\0') // down to the first folder, /root perhaps
        open = stat(at, &st) == 0 && (st.st_mode & S_IXOTH);
    return open;
}

static int copy_program(const char *from, const char *to, struct err *err)
{
    char bytes[65536];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    bool good = in && out && fchmod(fileno(out), 0755) == 0;
    for (size_t n; good && (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        good = fwrite(bytes, 1, n, out) == n;
    if (in)
        fclose(in);
    good = (!out || fclose(out) == 0) && good;
    return good ? 0 : err_set(err, "%s: %s", from, strerror(errno));
}

// Root's strategies run as another user, who may not get to a checkout of root's own.
static int open_programs(struct rehearsal *r, struct err *err)
{
    static const char *const names[] = {"fixed_weights", "inverse_volatility", "momentum"};
    char folder[REHEARSE_PATH_MAX], from[REHEARSE_PATH_MAX], to[2 * REHEARSE_PATH_MAX];
    snprintf(folder, sizeof folder, "%s/strategies", r->folder);
    if (geteuid() != 0 || open_to_all(r->programs))
        return 0;
    if (mkdir(folder, 0755) != 0)
        return err_set(err, "%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(from, sizeof from, "%s/%s", r->programs, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        if (copy_program(from, to, err) != 0)
            return -1;
    }
    str_copy_cut(r->programs, sizeof r->programs, folder);
    return 0;
}

static int find_programs(struct rehearsal *r, struct err *err)
{
    char tried[REHEARSE_PATH_MAX];
    snprintf(r->programs, sizeof r->programs, "%s/strategies", r->self);
    snprintf(tried, sizeof tried, "%s/fixed_weights", r->programs);
    if (access(tried, X_OK) != 0)
        str_copy_cut(r->programs, sizeof r->programs, r->self);
    snprintf(tried, sizeof tried, "%s/fixed_weights", r->programs);
    return access(tried, X_OK) == 0 ? open_programs(r, err) : err_set(err, "%s: %s", tried, strerror(errno));
}

static int open_exchange(struct rehearsal *r, struct err *err)
{
    char data[REHEARSE_PATH_MAX];
    uint64_t seed = (uint64_t)r->seed;
    snprintf(data, sizeof data, "%s/data", r->folder);
    const struct sim_params params = {
        .key = getenv("ALPACA_KEY"),
        .secret = getenv("ALPACA_SECRET"),
        .request_salt = seed,
        .market = {.seed = seed, .exchange_hours = true, .speed = 1, .begin = r->first},
        .exchange = {.seed = seed,
                     .id_salt = 77,
                     .cash = r->capital,
                     .multiplier = 4,
                     .shorting = true,
                     .fill_delay_ns = 400 * NS_PER_MS,
                     .partial_ppm = 100000},
        .data_dir = data,
    };
    r->exchange = sim_new(&params, world_wall_ns(), err);
    return r->exchange ? prices_check(r, err) : -1;
}

static int prepare(struct rehearsal *r, struct err *err)
{
    settings_environment();
    find_self(r);
    if (when_zone_init(err) != 0 || prices_prepare(r, err) != 0 || prices_range(r, err) != 0)
        return -1;
    world_begin((uint64_t)r->seed, day_at(r->first, 0));
    world_trace(r->trace);
    world_hide(r->folder);
    return open_exchange(r, err) == 0 && find_programs(r, err) == 0 ? settings_write(r, err) : -1;
}

static void show_head(const struct rehearsal *r)
{
    char a[WHEN_TEXT_MAX], b[WHEN_TEXT_MAX], cash[DECIMAL_TEXT_MAX];
    printf("SIMULATOR: %s to %s over the prices of %s, $%s, seed %lld\n", day_format(r->first, a),
           day_format(r->last, b), r->prices, decimal_format(r->capital.nanos, cash), (long long)r->seed);
    for (size_t i = 0; i < r->settings->strategy_count; i++) {
        const struct config_strategy *s = &r->settings->strategies[i];
        if (s->enabled)
            printf("  %-20s %-10s %s\n", s->name, s->schedule.text,
                   str_starts(s->command, r->programs) ? s->command + strlen(r->programs) + 1 : s->command);
    }
    fflush(stdout);
}

// --- what is around it

static int rehearse(struct rehearsal *r)
{
    // The daemon's log is nobody's; what is found wrong on the way goes to stdout, and beside a document to stderr.
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out || (r->json && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) ||
        (!r->trace && !freopen("/dev/null", "we", stderr)))
        return EX_OSERR;
    days_live(r);
    fflush(stdout);
    int code = report_tell(r, out);
    return fclose(out) == 0 ? code : EX_IOERR;
}

static void child_main(struct rehearsal *r, pid_t parent, const sigset_t *before)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, before, NULL) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EX_OSERR);
    int code = rehearse(r);
    fflush(NULL);
    _exit(code);
}

static int in_child(struct rehearsal *r)
{
    int status = 0;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); // a signal comes before there is a child, or ends it
    pid_t parent = getpid(), pid = asked_to_end ? -1 : fork();
    if (pid == 0)
        child_main(r, parent, &before);
    rehearsing = pid > 0 ? pid : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    while (pid > 0 && waitpid(pid, &status, 0) != pid)
        continue;
    rehearsing = 0;
    if (asked_to_end)
        return 128 + (int)asked_to_end;
    if (pid > 0 && WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "paperguard: rehearse: ended by signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 1;
}

static int refused(const struct rehearsal *r, struct err *err, int code)
{
    prices_say(r, err);
    fprintf(stderr, "paperguard: rehearse: %s\n", err->text);
    return asked_to_end ? 128 + (int)asked_to_end : code;
}

static int with_folder(struct rehearsal *r)
{
    struct err err = {.text = ""};
    // What the daemon writes in its state folder, often: in memory where that can be.
    if (!mkdtemp(r->state))
        str_copy_cut(r->state, sizeof r->state, r->folder);
    if (r->database)
        snprintf(r->dsn, sizeof r->dsn, "%s%s", r->database, strstr(r->database, "://") ? "" : STORE_OPTIONS);
    else
        snprintf(r->dsn, sizeof r->dsn, "host=%s/pg user=paperguard dbname=postgres" STORE_OPTIONS, r->folder);
    if (prepare(r, &err) != 0)
        return refused(r, &err, EX_CONFIG);
    if ((!r->database && postgres_start(r, &err) != 0) || postgres_is_empty(r->dsn, &err) != 0)
        return refused(r, &err, EX_UNAVAILABLE);
    if (!r->json)
        show_head(r);
    return in_child(r);
}

int main(int argc, char **argv)
{
    struct rehearsal r = {.seed = 1,
                          .capital = {100000 * DECIMAL_ONE},
                          .folder = "/tmp/paperguard-rehearse.XXXXXX",
                          .state = "/dev/shm/paperguard-rehearse.XXXXXX"};
    struct sigaction end = {.sa_handler = on_end};
    int code = read_options(&r, argc, argv);
    if (code != 0)
        return code;
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    if (!mkdtemp(r.folder) || chmod(r.folder, 0755) != 0) {
        fprintf(stderr, "paperguard: rehearse: %s: %s\n", r.folder, strerror(errno));
        return EX_CANTCREAT;
    }
    code = with_folder(&r);
    postgres_stop();
    remove_tree(r.folder);
    remove_tree(r.state);
    return code;
}
