// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Pausing is the restrictive way: memory first, Postgres after. Resuming is the other way round.
#include "daemon/pauses.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/list.h"
#include "daemon/messages.h"
#include "lib/base/log.h"

#define RETRY_MS 1000

struct pause {
    struct list node;
    struct strategy_pause what;
};

struct pauses {
    struct loop *loop;
    struct ledger *ledger;
    void (*changed)(void *arg);
    void *arg;
    struct list paused, held;
    bool known, asked, stale; // stale: what is being read is of before
    loop_timer retry;
};

struct pauses *pauses_new(struct loop *loop, struct ledger *ledger, void (*changed)(void *arg), void *arg)
{
    struct pauses *p = check_alloc(1, sizeof *p);
    *p = (struct pauses){.loop = loop, .ledger = ledger, .changed = changed, .arg = arg};
    list_init(&p->paused);
    list_init(&p->held);
    return p;
}

static void forget(struct pause *e)
{
    list_remove(&e->node);
    free(e);
}

static void forget_all(struct pauses *p)
{
    LIST_EACH(n, tmp, &p->paused)
    forget(LIST_ENTRY(n, struct pause, node));
}

void pauses_free(struct pauses *p)
{
    if (!p)
        return;
    loop_cancel(p->loop, &p->retry);
    forget_all(p);
    LIST_EACH(n, tmp, &p->held)
    forget(LIST_ENTRY(n, struct pause, node));
    free(p);
}

static struct pause *find_in(const struct list *list, const char *strategy)
{
    LIST_EACH(n, tmp, (struct list *)list)
    if (strcmp(LIST_ENTRY(n, struct pause, node)->what.strategy, strategy) == 0)
        return LIST_ENTRY(n, struct pause, node);
    return NULL;
}

static struct pause *find(const struct pauses *p, const char *strategy)
{
    return find_in(&p->paused, strategy);
}

static void keep_in(struct list *list, const struct strategy_pause *what)
{
    struct pause *e = find_in(list, what->strategy);
    if (!e) {
        e = check_alloc(1, sizeof *e);
        list_init(&e->node);
        list_append(list, &e->node);
    }
    e->what = *what;
}

static void keep(struct pauses *p, const struct strategy_pause *what)
{
    keep_in(&p->paused, what);
}

void pauses_hold(struct pauses *p, const char *strategy, const struct strategy_pause *pause)
{
    struct pause *e = find_in(&p->held, strategy);
    if (pause)
        keep_in(&p->held, pause);
    else if (e)
        forget(e);
}

bool pauses_known(const struct pauses *p)
{
    return p->known;
}

const struct strategy_pause *pauses_of(const struct pauses *p, const char *strategy)
{
    const struct pause *halted = find_in(&p->held, strategy), *e = halted ? halted : find(p, strategy);
    return e ? &e->what : NULL;
}

// --- reading

static void load_again(void *arg)
{
    struct pauses *p = arg;
    p->retry = 0;
    pauses_load(p);
}

static void loaded(void *arg, enum ledger_result result, const struct strategy_pause *rows, size_t count)
{
    struct pauses *p = arg;
    p->asked = false;
    if (p->stale) {
        p->stale = false;
        pauses_load(p);
        return;
    }
    if (result != LEDGER_OK) {
        log_notice("which strategies are paused could not be read (%s); no run starts until it is",
                   ledger_result_name(result));
        p->retry = loop_after_ms(p->loop, RETRY_MS, load_again, p);
        return;
    }
    for (size_t i = 0; i < count; i++) { // those of this life that Postgres did not take stay
        keep(p, &rows[i]);
        log_notice("strategy %s is paused since an earlier time: %s (%s)", rows[i].strategy, rows[i].reason,
                   rows[i].source);
    }
    p->known = true;
    p->changed(p->arg);
}

void pauses_load(struct pauses *p)
{
    if (p->known || p->asked)
        return;
    loop_cancel(p->loop, &p->retry);
    p->asked = true;
    ledger_strategies_paused(p->ledger, loaded, p);
}

void pauses_load_anew(struct pauses *p)
{
    p->known = false;
    p->stale = p->asked;
    forget_all(p);
    pauses_load(p);
}

// --- changing

struct change {
    struct pauses *p;
    struct strategy_pause what;
    bool paused;
    void (*done)(void *arg, bool ok, const char *detail);
    void *arg;
};

static void written(void *arg, enum ledger_result result, const char *detail)
{
    struct change *c = arg;
    struct err err;
    bool ok = result == LEDGER_OK;
    struct pause *e = find(c->p, c->what.strategy);
    if (ok && !c->paused && e)
        forget(e);
    if (ok)
        log_message(LOG_LEVEL_NOTICE, c->paused ? MESSAGE_STRATEGY_PAUSED : MESSAGE_STRATEGY_RESUMED,
                    ((struct log_field[]){{"STRATEGY", c->what.strategy}, {"REASON", c->what.reason}}),
                    "strategy %s is %s by %s: %s", c->what.strategy, c->paused ? "paused" : "resumed", c->what.source,
                    c->what.reason);
    err_set(&err, "%s (Postgres: %s %s)",
            c->paused ? "paused in this process only: a restart would forget it; try again"
                      : "not resumed: Postgres did not take it; try again",
            ledger_result_name(result), detail);
    c->p->changed(c->p->arg);
    c->done(c->arg, ok, ok ? "" : err.text);
    free(c);
}

void pauses_set(struct pauses *p, const struct strategy_pause *pause, bool paused,
                void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    struct change *c = check_alloc(1, sizeof *c);
    *c = (struct change){.p = p, .what = *pause, .paused = paused, .done = done, .arg = arg};
    if (paused)
        keep(p, pause);
    ledger_strategy_pause(p->ledger, pause, paused, written, c);
}
