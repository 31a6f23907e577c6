// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A seed's folder, configuration, environment and exchange.
#include "tests/sim/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "tests/sim/incidents.h"
#include "tests/sim/world.h"

#define KEY "PKSIMSIMULATION00001"
#define SECRET "sim-secret-of-the-simulated-world-000001"
#define S NS_PER_S
#define MS NS_PER_MS
#define EVENING_S (19 * 3600)

static struct {
    struct site_params params;
    char folder[300], config[WORLD_HOSTS_MAX][340], instance[32];
    int64_t lease_ms, slots[2];
    bool streams, caches, exchange_hours;
} site;

// Half of the seeds begin on an ordinary morning of a market that never closes, the others where days are not as usual.
static const struct beginning {
    struct day day;
    int seconds;
    bool exchange_hours;
} beginnings[] = {
    {{2026, 3, 8}, 1 * 3600 + 56 * 60, false},    // the hour from two to three is left out
    {{2026, 11, 1}, 0 * 3600 + 56 * 60, false},   // before the hour that comes twice
    {{2026, 11, 1}, 1 * 3600 + 56 * 60, false},   // and where it begins anew
    {{2026, 10, 8}, 23 * 3600 + 56 * 60, false},  // a session ends, and the next one begins
    {{2026, 12, 31}, 23 * 3600 + 56 * 60, false}, // and a year
    {{2026, 10, 8}, 15 * 3600 + 55 * 60, true},   // the close
    {{2026, 11, 27}, 12 * 3600 + 55 * 60, true},  // an early close
    {{2026, 11, 30}, 9 * 3600 + 31 * 60, true},   // the session after it
    {{2026, 3, 9}, 9 * 3600 + 31 * 60, true},     // the first of summer time
};

void site_begin(const struct site_params *params)
{
    site.params = *params;
}

const char *site_folder(void)
{
    return site.folder;
}

const char *site_instance(void)
{
    return site.instance;
}

int64_t site_slot(int strategy)
{
    return site.slots[strategy];
}

int64_t site_lease_ms(void)
{
    return site.lease_ms;
}

bool site_caches(void)
{
    return site.caches;
}

bool site_streams(void)
{
    return site.streams;
}

char *site_config(int host)
{
    return site.config[host];
}

int64_t site_day(void)
{
    const struct beginning *b = NULL;
    const struct incident *one = incidents_chosen();
    if (one && one->begins.day.year) {
        site.exchange_hours = one->begins.exchange_hours;
        return day_at(one->begins.day, one->begins.seconds);
    }
    if (!incidents_chosen() && world_chance(DRAW_DAY, 500000))
        b = &beginnings[world_between(DRAW_DAY, 0, ARRAY_LEN(beginnings) - 1)];
    site.exchange_hours = b && b->exchange_hours;
    return b ? day_at(b->day, b->seconds) : day_at((struct day){2026, 10, 8}, 11 * 3600);
}

static void make_folder(const char *path, mode_t mode)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        perror(path);
        exit(2);
    }
}

void site_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fchmod(fileno(f), 0600) != 0 || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

void site_state(int host, const char *below, char *path, size_t size)
{
    snprintf(path, size, "%s/h%d/%s", site.folder, host + 1, below);
}

static void make_host(int host, const char *rest)
{
    char path[400], socket[400];
    struct text t;
    snprintf(path, sizeof path, "%s/h%d", site.folder, host + 1);
    make_folder(path, 0700);
    site_state(host, "admin.sock", socket, sizeof socket);
    snprintf(site.config[host], sizeof site.config[host], "%s/paperguard%d.conf", site.folder, host + 1);
    text_init(&t, 8192);
    text_addf(&t, "[daemon]\nstate_dir = %s\nadmin_socket = %s\nlog_level = info\ninstance = %s\nhost = h%d\n%s", path,
              socket, site.instance, host + 1, rest);
    site_write(site.config[host], text_str(&t));
    text_free(&t);
}

// A clock time some minutes ahead; not one that came an hour ago already, when a day has it twice.
static void draw_slot(int strategy, char label[8])
{
    int64_t minute = 60 * S, at = (world_wall_ns() + minute - 1) / minute * minute;
    at += world_between(DRAW_SLOTS, 2, 4) * minute;
    while (day_at(day_of(at), seconds_of_day(at)) != at)
        at -= minute;
    int s = seconds_of_day(at);
    snprintf(label, 8, "%02d:%02d", s / 3600 % 24, s / 60 % 60);
    site.slots[strategy] = at;
}

void site_make(uint64_t seed)
{
    char path[400];
    struct text t;
    snprintf(site.folder, sizeof site.folder, "%s/s%llu", site.params.dir, (unsigned long long)seed);
    snprintf(site.instance, sizeof site.instance, "s%llu", (unsigned long long)seed);
    make_folder(site.folder, 0700);
    snprintf(path, sizeof path, "%s/token", site.folder);
    site_write(path, SITE_TOKEN "\n");
    // In a long run an order that never arrived is sent again, in a short one it is given up.
    const struct incident *one = incidents_chosen();
    bool slow = world_chance(DRAW_SCENARIO, 500000) || (one && one->patient);
    const char *deadline = slow ? "150s" : "40s", *schedule = slow ? "every 180s" : "every 60s";
    if (one && one->schedule)
        schedule = one->schedule;
    char labels[2][8];
    bool evening = seconds_of_day(world_wall_ns()) > EVENING_S; // clock times lie before the next session begins
    bool clock_times = !one && !site.exchange_hours && !evening && world_chance(DRAW_SLOTS, 150000);
    for (int i = 0; i < 2 && clock_times; i++)
        draw_slot(i, labels[i]);
    // How often orders are read while any is open: now and then half of what is usual, or twice.
    static const char *const polls[] = {"500ms", "1s", "1s", "2s", "2s"};
    const char *poll = polls[world_between(DRAW_SCENARIO, 0, ARRAY_LEN(polls) - 1)];
    // A short one may run out while a permit is still good.
    site.lease_ms = world_between(DRAW_HOSTS, 3000, world_chance(DRAW_HOSTS, 500000) ? 3400 : 12000);
    site.streams = incidents_chosen() || world_chance(DRAW_STREAM, 500000);
    site.caches = world_chance(DRAW_REDIS, 500000) || (one && one->redis.down_until);
    text_init(&t, 8192);
    text_addf(&t,
              "[broker]\nendpoint = http://127.0.0.1:9\npoll_interval = %s\nstream = %s\nrequests_per_minute = 6000\n"
              "[database]\nurl = %s\nlease = %lldms\n[http]\ntoken_file = %s/token\n"
              "[schedule]\nlatest_start = 20s\nrun_deadline = %s\n"
              // At its loosest: outages are drawn by the hour.
              "[breaker]\nmax_daily_loss = 1\nmax_drawdown = 1\nstale_orders = 100000\nbroker_errors_for = 1h\n"
              "alike_executions = 1000\nalike_window = 1ms\n"
              "[listen \"main\"]\naddress = 127.0.0.1:0\nroles = health api\n"
              "[strategy \"a\"]\ncommand = /sim/strategy\nsymbols = SPY TLT\nallocation = 0.6\nschedule = %s\n"
              "band = 0\n"
              "[strategy \"b\"]\ncommand = /sim/strategy\nsymbols = SPY GLD\nallocation = 0.4\nschedule = %s\n"
              "band = 0\nexecution = limit-walk\n",
              poll, site.streams ? "on" : "off", site.params.dsn, (long long)site.lease_ms, site.folder, deadline,
              clock_times ? labels[0] : schedule, clock_times ? labels[1] : schedule);
    if (site.caches)
        text_add(&t, "[redis]\nurl = redis://127.0.0.1:6379/0\n");
    for (int i = 0; i < WORLD_HOSTS_MAX; i++)
        make_host(i, text_str(&t));
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

struct sim *site_exchange(uint64_t seed)
{
    struct err err;
    const struct incident *one = incidents_chosen();
    struct sim_params params = {
        .key = KEY,
        .secret = SECRET,
        .request_salt = seed,
        .market = {.seed = seed, .speed = 200, .exchange_hours = site.exchange_hours},
        .exchange = {.seed = seed,
                     .id_salt = 77,
                     .cash = {100000 * DECIMAL_ONE},
                     .multiplier = 4,
                     .fill_delay_ns = world_between(DRAW_SCENARIO, 20, 4000) * MS,
                     .partial_ppm = world_between(DRAW_SCENARIO, 0, 700000)},
        .data_dir = site.params.data,
    };
    if (one && one->cash)
        params.exchange.cash.nanos = one->cash * DECIMAL_ONE;
    if (one && one->partial_ppm)
        params.exchange.partial_ppm = one->partial_ppm;
    struct sim *s = sim_new(&params, world_wall_ns(), &err);
    if (!s) {
        fprintf(stderr, "simulate: %s\n", err.text);
        exit(2);
    }
    return s;
}

void site_remove(void)
{
    remove_tree(site.folder);
}

// What an ended life held of the system: the lock of its state folder.
void site_close_lock(struct host *h)
{
    char link[64], path[400], lock[340];
    site_state(host_index(h), "lock", lock, sizeof lock);
    for (int fd = 3; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        if (n > 0 && (size_t)n == strlen(lock) && memcmp(path, lock, (size_t)n) == 0)
            close(fd);
    }
}

void site_environment(void)
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
