// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The resolver over evdns. Questions for one host share one lookup. A lookup is never cancelled: evdns ends it by its
// own timeouts and its answer still fills the cache; a caller that goes away or times out is only unlinked.
#include "lib/io/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"
#include "lib/io/loop_event.h"

#define HOST_MAX 254
#define HOSTS_MAX 64
#define FRESH_NS (60 * NS_PER_S)
#define STALE_NS (3600 * NS_PER_S)

struct lookup { // what is known of one host
    struct list node;
    struct resolver *resolver; // NULL: the resolver is gone, evdns has still to answer
    char host[HOST_MAX];
    char text[RESOLVER_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    size_t count;
    int64_t known_ns; // when the addresses were learned
    bool asking;
    int64_t asked_ns;
    char failure[128];
    struct list queries;
};

struct resolver_query {
    struct list node; // in lookup.queries
    struct lookup *lookup;
    resolver_done_fn *done;
    void *arg;
    loop_timer timer; // the time limit, or the post that delivers
};

struct resolver {
    struct loop *loop;
    struct evdns_base *dns;
    char *conf;
    struct timespec conf_changed;
    ino_t conf_inode;
    struct list lookups;
    size_t lookup_count, asking_count;
    bool delivering, free_after;
    char trouble[HOST_MAX + 160]; // of the last question, "" = it was answered
};

bool resolver_is_literal(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

struct resolver *resolver_new(struct loop *l, const char *conf)
{
    struct resolver *r = check_alloc(1, sizeof *r);
    r->loop = l;
    r->conf = check_strdup(conf != NULL ? conf : "/etc/resolv.conf");
    list_init(&r->lookups);
    return r;
}

static void lookup_forget(struct lookup *k)
{
    list_remove(&k->node);
    if (k->resolver != NULL)
        k->resolver->lookup_count--;
    if (k->asking)
        k->resolver = NULL; // freed when evdns answers
    else
        free(k);
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    LIST_EACH(node, tmp, &r->lookups)
    {
        struct lookup *k = LIST_ENTRY(node, struct lookup, node);
        while (!list_empty(&k->queries))
            resolver_cancel(LIST_ENTRY(k->queries.next, struct resolver_query, node));
        lookup_forget(k);
    }
    if (r->dns != NULL)
        evdns_base_free(r->dns, 1);
    r->dns = NULL;
    free(r->conf);
    r->conf = NULL;
    if (r->delivering)
        r->free_after = true;
    else
        free(r);
}

void resolver_cancel(struct resolver_query *q)
{
    loop_cancel(q->lookup->resolver->loop, &q->timer);
    list_remove(&q->node);
    free(q);
}

// Opens evdns, and opens it again when resolv.conf has changed (a daemon may start before the network does).
static int resolver_open(struct resolver *r, struct err *err)
{
    struct stat st;
    memset(&st, 0, sizeof st);
    (void)stat(r->conf, &st);
    bool same = st.st_ino == r->conf_inode && st.st_mtim.tv_sec == r->conf_changed.tv_sec &&
                st.st_mtim.tv_nsec == r->conf_changed.tv_nsec;
    if (r->dns != NULL && (same || r->asking_count > 0))
        return 0;
    if (r->dns != NULL)
        evdns_base_free(r->dns, 0);
    r->dns = evdns_base_new(loop_event_base(r->loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (r->dns == NULL)
        return err_set(err, "cannot start the resolver");
    r->conf_inode = st.st_ino;
    r->conf_changed = st.st_mtim;
    int rc = evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL, r->conf);
    if (evdns_base_count_nameservers(r->dns) > 0)
        return 0;
    evdns_base_free(r->dns, 0);
    r->dns = NULL;
    return err_set(err, "no name server in %s (code %d)", r->conf, rc);
}

static void query_deliver(void *arg)
{
    struct resolver_query *q = arg;
    struct lookup *k = q->lookup;
    struct resolver *r = k->resolver;
    const char *addresses[RESOLVER_ADDRESSES_MAX];
    char text[RESOLVER_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    char detail[HOST_MAX + 192];
    bool usable = k->count > 0 && clock_monotonic_ns() - k->known_ns < STALE_NS;
    struct resolver_answer answer = {.count = usable ? k->count : 0, .addresses = addresses, .detail = ""};
    memcpy(text, k->text, sizeof text); // the callback may free the resolver
    for (size_t i = 0; i < answer.count; i++)
        addresses[i] = text[i];
    if (!usable) {
        struct text t;
        text_init(&t, sizeof detail - 1);
        text_addf(&t, "the name %s was not resolved: %s", k->host,
                  k->failure[0] != '\0' ? k->failure : "the name server did not answer in time");
        str_copy_cut(detail, sizeof detail, text_str(&t));
        text_free(&t);
        answer.detail = detail;
    }
    resolver_done_fn *done = q->done;
    void *done_arg = q->arg;
    list_remove(&q->node);
    free(q);
    bool outer = r->delivering;
    r->delivering = true;
    done(done_arg, &answer);
    r->delivering = outer;
    if (!outer && r->free_after)
        free(r);
}

static void lookup_finish(struct lookup *k)
{
    LIST_EACH(node, tmp, &k->queries)
    {
        struct resolver_query *q = LIST_ENTRY(node, struct resolver_query, node);
        loop_cancel(k->resolver->loop, &q->timer);
        q->timer = loop_post(k->resolver->loop, query_deliver, q);
    }
}

static void lookup_learn(struct lookup *k, const struct evutil_addrinfo *found)
{
    size_t count = 0;
    for (const struct evutil_addrinfo *a = found; a != NULL && count < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
        if (getnameinfo(a->ai_addr, (socklen_t)a->ai_addrlen, k->text[count], INET6_ADDRSTRLEN, NULL, 0,
                        NI_NUMERICHOST) == 0)
            count++;
    }
    if (count == 0)
        return;
    k->count = count;
    k->known_ns = clock_monotonic_ns();
    k->failure[0] = '\0';
}

static void lookup_failed(struct lookup *k)
{
    struct text t;
    text_init(&t, sizeof k->resolver->trouble - 1);
    text_addf(&t, "%s: %s%s", k->host, k->failure, k->count > 0 ? "; the last known addresses stay in use" : "");
    str_copy_cut(k->resolver->trouble, sizeof k->resolver->trouble, text_str(&t));
    text_free(&t);
    if (k->count > 0)
        log_warning("resolver: %s", k->resolver->trouble);
}

static void lookup_answered(int code, struct evutil_addrinfo *found, void *arg)
{
    struct lookup *k = arg;
    k->asking = false;
    if (k->resolver == NULL) {
        if (found != NULL)
            evutil_freeaddrinfo(found);
        free(k);
        return;
    }
    k->resolver->asking_count--;
    if (code == 0) {
        lookup_learn(k, found);
        k->resolver->trouble[0] = '\0';
    } else {
        str_copy_cut(k->failure, sizeof k->failure, evutil_gai_strerror(code));
        lookup_failed(k);
    }
    if (found != NULL)
        evutil_freeaddrinfo(found);
    lookup_finish(k);
}

static void lookup_start(struct lookup *k)
{
    struct resolver *r = k->resolver;
    struct err err;
    if (resolver_open(r, &err) != 0) {
        str_copy_cut(k->failure, sizeof k->failure, err.text);
        lookup_failed(k);
        lookup_finish(k);
        return;
    }
    struct evutil_addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
    k->asking = true;
    k->asked_ns = clock_monotonic_ns();
    r->asking_count++;
    // May answer at once (hosts file); the queries get it by a post either way.
    (void)evdns_getaddrinfo(r->dns, k->host, NULL, &hints, lookup_answered, k);
}

static bool host_is_sane(const char *host)
{
    size_t len = strlen(host);
    return len > 0 && len < HOST_MAX &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") == len;
}

static struct lookup *lookup_find(struct resolver *r, const char *host)
{
    LIST_EACH(node, tmp, &r->lookups)
    {
        struct lookup *k = LIST_ENTRY(node, struct lookup, node);
        if (str_equal_nocase(k->host, host))
            return k;
    }
    LIST_EACH(old, next, &r->lookups)
    {
        struct lookup *k = LIST_ENTRY(old, struct lookup, node);
        if (r->lookup_count >= HOSTS_MAX && !k->asking && list_empty(&k->queries))
            lookup_forget(k);
    }
    struct lookup *k = check_alloc(1, sizeof *k);
    k->resolver = r;
    str_copy_cut(k->host, sizeof k->host, host);
    list_init(&k->queries);
    list_append(&r->lookups, &k->node);
    r->lookup_count++;
    return k;
}

// Answers that need no question are put into the lookup right here.
static bool lookup_is_known(struct lookup *k)
{
    if (!host_is_sane(k->host)) {
        str_copy_cut(k->failure, sizeof k->failure, "not a host name");
        return true;
    }
    if (resolver_is_literal(k->host) || str_equal_nocase(k->host, "localhost")) {
        const char *address = resolver_is_literal(k->host) ? k->host : "127.0.0.1";
        str_copy_cut(k->text[0], sizeof k->text[0], address);
        k->count = 1;
        k->known_ns = clock_monotonic_ns();
        return true;
    }
    return k->count > 0 && clock_monotonic_ns() - k->known_ns < FRESH_NS;
}

struct resolver_query *resolver_lookup(struct resolver *r, const char *host, int64_t timeout_ms, resolver_done_fn *done,
                                       void *arg)
{
    struct resolver_query *q = check_alloc(1, sizeof *q);
    struct lookup *k = lookup_find(r, host_is_sane(host) ? host : ""); // never a cut name
    q->lookup = k;
    q->done = done;
    q->arg = arg;
    list_append(&k->queries, &q->node);
    if (lookup_is_known(k)) {
        q->timer = loop_post(r->loop, query_deliver, q);
        return q;
    }
    q->timer = loop_after_ms(r->loop, timeout_ms, query_deliver, q);
    if (!k->asking)
        lookup_start(k);
    return q;
}

const char *resolver_trouble(const struct resolver *r, int64_t *unanswered_since_ns)
{
    *unanswered_since_ns = 0;
    for (struct list *n = r->lookups.next; n != &r->lookups && r->asking_count > 0; n = n->next) {
        const struct lookup *k = LIST_ENTRY(n, struct lookup, node);
        if (k->asking && (*unanswered_since_ns == 0 || k->asked_ns < *unanswered_since_ns))
            *unanswered_since_ns = k->asked_ns;
    }
    return r->trouble;
}
