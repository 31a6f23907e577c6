// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A halt holds from its acknowledgement: an answer, a look at the folder that is over, the level the host shows itself.
// Where Postgres has it when another host takes the lead, it holds there from then, too.
#include "tests/sim/halts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/json_read.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/cluster.h"
#include "tests/sim/incidents.h"
#include "tests/sim/server.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define MS NS_PER_MS
#define LOOKED_NS (INT64_C(700) * MS) // a file in halt.d is looked for more often than that
#define REASON "{\"reason\":\"drawn\"}"

enum way { BY_HTTP, BY_ADMIN, BY_FILE, BY_ROW, WAYS };
static const char *const way_names[WAYS] = {"HTTP", "the admin socket", "a file", "Postgres"};

static struct {
    struct host *host, *at; // which is halted; which is asked to release
    enum way way;
    bool over, engaged, held, asked, confirmed; // confirmed: a release may have happened
    bool taken_away;                            // its file, before any look at it was over
    unsigned life;                              // in which the file came; a later one sees it at once
    int clean;                                  // hosts in a row that said that nothing is halted
    enum halts_level taken[WORLD_HOSTS_MAX];    // over, from the host that led before
} it;

static enum halts_level own_hold(const struct host *h)
{
    bool held =
        it.held || (it.engaged && it.way == BY_FILE && host_life(h) != it.life && !it.confirmed && !it.taken_away);
    return h != it.host || !held ? HALTS_NONE : it.way == BY_ROW ? HALTS_REDUCE_ONLY : HALTS_ALL;
}

enum halts_level halts_hold(const struct host *h)
{
    enum halts_level own = own_hold(h), taken = it.taken[host_index(h)];
    return own > taken ? own : taken;
}

void halts_taken_over(struct host *h, const struct host *before)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT state FROM halt_state WHERE instance = $1 AND host = '%s'", host_name(before));
    const char *state = store_value(sql, site_instance());
    enum halts_level level = strcmp(state, "halted") == 0        ? HALTS_ALL
                             : strcmp(state, "reduce_only") == 0 ? HALTS_REDUCE_ONLY
                                                                 : HALTS_NONE;
    if (level > it.taken[host_index(h)])
        it.taken[host_index(h)] = level;
    if (level != HALTS_NONE)
        world_note("operator: %s takes over, and is halted", host_name(h));
}

const char *halts_way(void)
{
    return way_names[it.way];
}

static void no_halt(const struct host *h, const char *client_order_id)
{
    enum halts_level level = halts_hold(h);
    if (level == HALTS_ALL)
        check_violation("order %s leaves under a halt by %s", client_order_id, halts_way());
    else if (level == HALTS_REDUCE_ONLY &&
             strcmp(store_value("SELECT side FROM intents WHERE client_order_id = $1", client_order_id), "sell") != 0)
        check_violation("order %s leaves and is none that reduces, as a halt by %s wants", client_order_id,
                        halts_way());
}

bool halts_released(void)
{
    return !it.engaged;
}

// --- releasing

static void file_path(char *path, size_t size)
{
    site_state(host_index(it.host), "halt.d/drawn", path, size);
}

static void release(void *arg);
static void engage(void *arg);

static void released(void)
{
    world_note("operator: the halt is released");
    it.engaged = it.held = it.asked = it.confirmed = it.taken_away = false;
    if (!it.over)
        world_after(world_between(DRAW_SCENARIO, 20, 150) * S, engage, NULL);
}

static void confirm_answered(void *arg, int status, const char *body)
{
    (void)arg, (void)status, (void)body;
    it.asked = false;
    world_after(status == 200 ? 100 * MS : 2 * S, release, NULL); // asked again: whether it is gone, and gone for good
}

// The other host may be halted too, and hands it back when it loses the lead.
static void is_clean(void)
{
    struct host *other = cluster_other(it.at);
    if (it.at == it.host ? !it.confirmed && !it.taken_away : it.taken[host_index(it.at)] != HALTS_NONE)
        check_violation("a halt by %s is gone from %s, and nobody released it", halts_way(), host_name(it.at));
    if (++it.clean >= (other ? 2 : 1)) {
        released();
        return;
    }
    it.at = other;
    world_after(MS, release, NULL);
}

static void request_answered(void *arg, int status, const char *body)
{
    struct json_doc *doc;
    char confirm[100];
    (void)arg;
    it.asked = false;
    if (status == 409 && strstr(body, "nothing is halted")) {
        is_clean();
        return;
    }
    if (status != 200 || json_doc_parse(body, strlen(body), &doc, NULL) != 0) {
        world_after(2 * S, release, NULL);
        return;
    }
    const char *code = json_string(json_get(json_doc_root(doc), "code"));
    snprintf(confirm, sizeof confirm, "{\"code\":\"%s\"}", code ? code : "");
    json_doc_free(doc);
    it.asked = true;
    it.clean = 0;
    it.taken[host_index(it.at)] = HALTS_NONE;
    if (it.at == it.host) {
        it.confirmed = true;
        it.held = false;
    }
    server_ask(it.at, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/release/confirm", confirm, NULL, confirm_answered, NULL);
}

// One that is on its way yet, as to a host that is frozen, would come after its release, and stay: holds() and
// release_when_held() come again. This is also called for the halt before, whose file had a second release coming.
static void release(void *arg)
{
    char path[400];
    (void)arg;
    if (!it.engaged || it.asked)
        return;
    if (it.way != BY_FILE && !it.held && !it.confirmed)
        return;
    file_path(path, sizeof path);
    if (it.way == BY_FILE && unlink(path) == 0)
        it.taken_away = !it.held;
    it.asked = true;
    server_ask(it.at, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/release/request", REASON, NULL, request_answered, NULL);
}

// --- engaging

static void holds(void)
{
    if (it.held || it.confirmed)
        return;
    world_note("operator: a halt by %s holds", halts_way());
    it.held = true;
    if (!it.over)
        world_after(world_between(DRAW_SCENARIO, 5, 90) * S, release, NULL);
}

static void ask(void *arg);

static void halt_answered(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    if (status == 200)
        holds();
    else
        world_after(S, ask, NULL);
}

static void ask(void *arg)
{
    (void)arg;
    if (it.way == BY_ADMIN)
        server_ask(it.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/halt", REASON, NULL, halt_answered, NULL);
    else
        server_ask(it.host, HTTP_ROLE_API, HTTP_POST, "/api/v1/halt", REASON, SITE_TOKEN, halt_answered, NULL);
}

static void shown(void *arg);

static void level_answered(void *arg, int status, const char *body)
{
    (void)arg;
    if (status == 200 && (strstr(body, "\"state\":\"reduce_only\"") || strstr(body, "\"state\":\"halted\"")))
        holds();
    else
        world_after(S, shown, NULL);
}

static void shown(void *arg)
{
    (void)arg;
    server_ask(it.host, HTTP_ROLE_API, HTTP_GET, "/api/v1/halt", NULL, NULL, level_answered, NULL);
}

// As by a tool of the operators: only what reduces.
static void write_row(void)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT write_halt('drawn ' || '%s' || ' %lld', '%s', $1, 'reduce_only', 'drawn', 'another tool', "
             "to_timestamp(%lld))",
             site_instance(), (long long)world_ns(), host_name(it.host), (long long)(world_wall_ns() / S));
    store_value(sql, site_instance());
    shown(NULL);
}

static void looked(void *arg)
{
    (void)arg;
    if (it.engaged && it.way == BY_FILE && !it.taken_away)
        holds();
}

static void write_file(void)
{
    char path[400];
    file_path(path, sizeof path);
    site_write(path, "");
    it.life = host_life(it.host);
    if (host_alive(it.host))
        world_tell(it.host, LOOKED_NS, looked, NULL);
    world_after(world_between(DRAW_SCENARIO, 5, 90) * S, release, NULL);
}

static void begin(enum way way)
{
    it.way = way;
    it.host = it.at = cluster_leader();
    it.clean = 0;
    it.engaged = true;
    world_note("operator: a halt by %s", halts_way());
    if (way == BY_FILE)
        write_file();
    else if (way == BY_ROW)
        write_row();
    else
        ask(NULL);
}

static void engage(void *arg)
{
    (void)arg;
    if (!it.over)
        begin((enum way)world_between(DRAW_SCENARIO, 0, WAYS - 1));
}

void halts_begin(void)
{
    check_also(no_halt);
    if (incidents_chosen() ? incidents_chosen()->halts : world_chance(DRAW_SCENARIO, 400000))
        world_after(world_between(DRAW_SCENARIO, 2, 200) * S, engage, NULL);
}

static void release_when_held(void *arg)
{
    if (!it.engaged)
        return;
    release(arg);
    world_after(3 * S, release_when_held, arg);
}

void halts_end(void)
{
    it.over = true;
    release_when_held(NULL);
}
