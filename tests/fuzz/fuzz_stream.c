// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/stream.o daemon/broker_stream.o daemon/metrics.o
//
// Any lines, taken as what the broker says on the order stream: nothing goes out before the permit is spent, the keys
// once for each connection and as its first message, the listen only when we are authorized; connected is who was told
// so; whatever may mean that something happened to an order leads to a look at orders and fills, and nothing else does.
//
// The first byte: 1 orders that are named are ours, 2 the guard denies. A line "%end" ends the connection, "%wait" lets
// two minutes pass, any other is a message.
#include "daemon/broker_internal.h"
#include "daemon/stream.h"
#include "lib/base/json_read.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/io/clock.h"
#include "lib/io/websocket.h"
#include "tests/fuzz/fuzz_loop.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 8192
#define KEY "PKSIMTESTTEST0000001"
#define SECRET "s3cr3ts3cr3t"
#define LISTEN "{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}"
#define START_NS (INT64_C(1000000) * 1000000000)
enum { OURS = 1, DENIES = 2 };

static struct {
    unsigned how;
    struct guard_facts facts;
    struct broker_params params;
    struct websocket_client client; // of the newest
    bool live, authorized;
    int sent;          // messages of ours on this connection
    int64_t opened_ms; // when its permit was minted
    int looks, connected;
} world;

// ---- clocks and the broker's other parts

int64_t clock_boot_ns(void)
{
    return START_NS + fuzz_loop.now_ms * 1000000;
}

int64_t clock_wall_ns(void)
{
    return clock_boot_ns();
}

const struct broker_params *broker_params_of(const struct broker *b)
{
    (void)b;
    return &world.params;
}

bool broker_connected(const struct broker *b)
{
    (void)b;
    return true;
}

const char *broker_result_name(enum broker_result result)
{
    CHECK((unsigned)result < 16);
    return "result";
}

void broker_rate_wait(struct broker *b, void (*ready)(void *arg), void *arg)
{
    (void)b;
    ready(arg);
}

void broker_rate_forget(struct broker *b, const void *arg)
{
    (void)b, (void)arg;
}

void broker_mask(const struct broker *b, char *text)
{
    (void)b;
    secret_mask(text, SECRET);
}

void broker_take_slot(struct broker *b)
{
    (void)b;
}

void broker_denied(struct broker *b, enum guard_op op, const struct guard_verdict *v)
{
    (void)b;
    CHECK(op == OP_STREAM && v->answer != GUARD_PASS && (world.how & DENIES || v->check == CHECK_PERMIT));
}

void broker_wire_request(const struct broker *b, enum guard_op op, const char *target, const char *body,
                         size_t body_len, struct wire_request *out)
{
    (void)b, (void)body, (void)body_len;
    guard_example_request(facts_view(NULL), op, out);
    out->target = target;
}

const struct guard_facts *facts_view(const struct facts *f)
{
    (void)f;
    guard_example(true, clock_boot_ns(), &world.facts);
    if (world.how & DENIES)
        world.facts.dry_run.state = SWITCH_FALSE;
    return &world.facts;
}

const struct facts_secrets *facts_secrets(const struct facts *f)
{
    static const struct facts_secrets secrets = {.key_id = KEY, .secret = SECRET};
    (void)f;
    return &secrets;
}

// ---- the transport

struct resolver *resolver_new(struct loop *l, const char *conf)
{
    (void)l, (void)conf;
    return NULL;
}

void resolver_free(struct resolver *r)
{
    CHECK(r == NULL);
}

struct websocket_tls *websocket_tls_new(const char *ca_file, struct err *err)
{
    (void)ca_file;
    (void)err_set(err, "a simulator speaks no TLS");
    abort();
}

void websocket_tls_free(struct websocket_tls *tls)
{
    CHECK(tls == NULL);
}

struct websocket *websocket_open(const struct websocket_client *client)
{
    CHECK(!world.live && !(world.how & DENIES));
    world.client = *client;
    world.live = true;
    world.authorized = false;
    world.sent = 0;
    world.opened_ms = fuzz_loop.now_ms;
    return (struct websocket *)&world;
}

int websocket_send(struct websocket *w, bool is_text, const char *bytes, size_t len)
{
    CHECK(w == (struct websocket *)&world && world.live && is_text && strlen(bytes) == len);
    const bool keys = strstr(bytes, SECRET) != NULL;
    CHECK(world.sent == 0 ? keys : !keys && world.sent == 1 && world.authorized && str_equal(bytes, LISTEN));
    world.sent++;
    return 0;
}

void websocket_cancel(struct websocket *w)
{
    if (w == NULL)
        return;
    CHECK(w == (struct websocket *)&world && world.live);
    world.live = false;
}

static void end(enum websocket_result result)
{
    world.live = false;
    world.client.events.ended(world.client.events.arg,
                              &(struct websocket_ending){.result = result, .detail = "it ended"});
    fuzz_loop_pass(0);
}

// The upgrade goes out with its permit, unless that is too old by now.
static void open_it(void)
{
    struct wire_request r;
    if (!world.live || world.sent > 0)
        return;
    guard_example_request(facts_view(NULL), OP_STREAM, &r);
    const struct websocket_wire wire = {.method = r.method,
                                        .scheme = r.scheme,
                                        .host = r.host,
                                        .target = world.client.target,
                                        .port = r.port,
                                        .peer = r.peer,
                                        .tls = r.tls};
    const bool may = world.client.before_send(world.client.arg, &wire);
    CHECK(world.sent == 0 && may == (fuzz_loop.now_ms - world.opened_ms < PERMIT_LIFE_NS / 1000000));
    if (!may) {
        end(WEBSOCKET_REFUSED);
        return;
    }
    world.client.events.opened(world.client.events.arg);
    CHECK(world.sent == 1);
}

// ---- what is heard

static void on_state(void *arg, bool connected)
{
    CHECK(arg == &world && world.connected != connected);
    CHECK(!connected || (world.live && world.sent == 2));
    world.connected = connected;
}

static void on_event(void *arg)
{
    CHECK(arg == &world && world.live && world.authorized);
    world.looks++;
}

static bool known(void *arg, const char *client_order_id)
{
    CHECK(arg == &world && client_order_id != NULL);
    return world.how & OURS;
}

// The rules a second time: does this message mean that something may have happened?
static bool worth_a_look(const char *text, size_t len)
{
    static const char *const quiet[] = {"new", "pending_new", "accepted", "pending_cancel", "pending_replace"};
    struct json_doc *doc;
    struct err err;
    if (json_doc_parse(text, len, &doc, &err) != 0)
        return true;
    const struct json_node *root = json_doc_root(doc), *data = json_get(root, "data");
    const char *event = json_string(json_get(data, "event"));
    const bool update = str_equal(json_string(json_get(root, "stream")), "trade_updates");
    const bool named = json_string(json_get(json_get(data, "order"), "client_order_id")) != NULL;
    bool calm = false;
    for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
        calm = calm || str_equal(event, quiet[i]);
    json_doc_free(doc);
    return update && !(calm && (!named || world.how & OURS));
}

static bool authorizes(const char *text, size_t len)
{
    struct json_doc *doc;
    struct err err;
    if (json_doc_parse(text, len, &doc, &err) != 0)
        return false;
    const struct json_node *root = json_doc_root(doc);
    const bool yes = str_equal(json_string(json_get(root, "stream")), "authorization") &&
                     str_equal(json_string(json_get(json_get(root, "data"), "status")), "authorized");
    json_doc_free(doc);
    return yes;
}

static void say(const char *text, size_t len)
{
    const bool first = !world.authorized, yes = authorizes(text, len);
    const int looks = world.looks;
    const bool expected = !first && worth_a_look(text, len);
    world.authorized = world.authorized || yes;
    world.client.events.message(world.client.events.arg, false, text, len);
    CHECK(world.looks == looks + (expected ? 1 : 0));
    CHECK(first ? world.live == yes : true);
}

static void line(const struct stream *s, const char *text, size_t len)
{
    open_it();
    if (str_equal(text, "%wait"))
        fuzz_loop_pass(120000);
    else if (str_equal(text, "%end") && world.live)
        end(WEBSOCKET_LOST);
    else if (world.live)
        say(text, len);
    fuzz_loop_pass(0);
    const struct stream_status *status = stream_status(s);
    CHECK(status->connected == world.connected && status->events <= world.looks + 8192);
    if (!status->connected)
        text_check(status->detail);
}

static void lines(const struct stream *s, char *text)
{
    for (char *next; text != NULL; text = next) {
        next = strchr(text, '\n');
        if (next != NULL)
            *next++ = '\0';
        line(s, text, strlen(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    log_set_level(LOG_LEVEL_ERROR);
    memset(&world, 0, sizeof world);
    world.how = data[0];
    char *text = text_input(data + 1, size - 1);
    struct metrics *metrics = metrics_new();
    struct guard *guard = guard_new();
    world.params = (struct broker_params){.guard = guard, .metrics = metrics, .request_timeout_ms = 5000};
    struct stream *s = stream_new(&(struct stream_params){
        .metrics = metrics, .on_state = on_state, .on_event = on_event, .known = known, .arg = &world});
    stream_start(s);
    fuzz_loop_pass(1000);
    CHECK(world.live == !(world.how & DENIES));
    lines(s, text);
    stream_free(s);
    CHECK(!world.live);
    while (fuzz_loop.count > 0)
        fuzz_loop_drop(0);
    metrics_free(metrics);
    guard_free(guard);
    free(text);
    return 0;
}
