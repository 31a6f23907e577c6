// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/broker.o daemon/broker_keys.o daemon/broker_state.o daemon/broker_stream.o daemon/stream.o
// needs: daemon/metrics.o
//
// The order stream's client and its half of the broker channel, on a WebSocket of the test: no connection without a
// permit, no key before the permit is spent, what events do, and how often it is tried again.
#include <arpa/inet.h>

#include "daemon/stream.h"
#include "lib/io/websocket.h"
#include "tests/unit/broker_rig.h"

#define CLOCK                                                                                                          \
    "{\"timestamp\":\"2026-10-08T10:00:00-04:00\",\"is_open\":true,\"next_open\":\"2026-10-09T09:30:00-04:00\","       \
    "\"next_close\":\"2026-10-08T16:00:00-04:00\"}"
#define AUTHORIZED "{\"stream\":\"authorization\",\"data\":{\"status\":\"authorized\",\"action\":\"authenticate\"}}"
#define REFUSED "{\"stream\":\"authorization\",\"data\":{\"status\":\"unauthorized\",\"action\":\"authenticate\"}}"
#define LISTENING "{\"stream\":\"listening\",\"data\":{\"streams\":[\"trade_updates\"]}}"

static struct {
    struct websocket_client params; // of the newest
    char scheme[8], host[64], target[64];
    bool live; // neither ended nor cancelled
    int opens, cancels, sends;
    char sent[512];
} ws;
static struct stream *stream;
static int ups, downs, events;

struct websocket_tls *websocket_tls_new(const char *ca_file, struct err *err)
{
    (void)err;
    assert_null(ca_file); // the system's
    return (struct websocket_tls *)&ws;
}

void websocket_tls_free(struct websocket_tls *tls)
{
    (void)tls;
}

struct resolver *resolver_new(struct loop *l, const char *conf)
{
    (void)l, (void)conf;
    return NULL;
}

void resolver_free(struct resolver *resolver)
{
    (void)resolver;
}

struct websocket *websocket_open(const struct websocket_client *params)
{
    assert_false(ws.live);
    ws.params = *params;
    snprintf(ws.scheme, sizeof ws.scheme, "%s", params->scheme);
    snprintf(ws.host, sizeof ws.host, "%s", params->host);
    snprintf(ws.target, sizeof ws.target, "%s", params->target);
    assert_true(params->limits.ping_ms > 0 && params->limits.message_max > 0);
    ws.live = true;
    ws.opens++;
    return (struct websocket *)&ws;
}

int websocket_send(struct websocket *w, bool is_text, const char *bytes, size_t len)
{
    assert_true(w != NULL && ws.live && is_text && len < sizeof ws.sent);
    memcpy(ws.sent, bytes, len);
    ws.sent[len] = '\0';
    ws.sends++;
    return 0;
}

void websocket_cancel(struct websocket *w)
{
    if (w == NULL)
        return;
    assert_true(ws.live);
    ws.live = false;
    ws.cancels++;
}

static void on_state(void *arg, bool up)
{
    (void)arg;
    ups += up;
    downs += !up;
}

static void on_event(void *arg)
{
    (void)arg;
    events++;
}

static int stream_set_up(void **state)
{
    set_up(state);
    memset(&ws, 0, sizeof ws);
    ups = downs = events = 0;
    broker_of(6000, 4);
    stream = stream_new(
        &(struct stream_params){.broker = r.broker, .metrics = r.metrics, .on_state = on_state, .on_event = on_event});
    return 0;
}

static int stream_tear_down(void **state)
{
    stream_free(stream);
    assert_false(ws.live);
    return tear_down(state);
}

// The clock was read, so the broker is there.
static void start(void)
{
    broker_call(r.broker, OP_CLOCK, NULL, NULL, on_answer, NULL);
    settle();
    wire_answers(r.wire_count - 1, 200, CLOCK);
    stream_start(stream);
    pass_ms(10);
}

static bool before_send(const char *host, const char *target)
{
    return ws.params.before_send(ws.params.arg, &(struct websocket_wire){.method = "GET",
                                                                         .scheme = ws.scheme,
                                                                         .host = host,
                                                                         .target = target,
                                                                         .port = ws.params.port,
                                                                         .peer = "1.2.3.4",
                                                                         .tls = GOOD_TLS});
}

static void say(const char *text)
{
    ws.params.events.message(ws.params.events.arg, false, text, strlen(text));
    settle();
}

static void end(enum websocket_result result, const char *detail)
{
    assert_true(ws.live);
    ws.live = false;
    ws.params.events.ended(ws.params.events.arg, &(struct websocket_ending){.result = result, .detail = detail});
    settle();
}

static void connect_whole(void)
{
    assert_true(before_send(ws.host, ws.target));
    ws.params.events.opened(ws.params.events.arg);
    say(AUTHORIZED);
    say(LISTENING);
    assert_true(stream_status(stream)->connected);
}

// --- the guard

static void the_keys_go_out_last(void **state)
{
    (void)state;
    start();
    assert_int_equal(ws.opens, 1);
    assert_string_equal(ws.scheme, "https");
    assert_string_equal(ws.host, "paper-api.alpaca.markets");
    assert_string_equal(ws.target, "/stream");
    assert_int_equal(ws.sends, 0);
    assert_true(before_send(ws.host, ws.target));
    assert_int_equal(ws.sends, 0);
    ws.params.events.opened(ws.params.events.arg);
    assert_int_equal(ws.sends, 1);
    assert_string_equal(ws.sent, "{\"action\":\"authenticate\",\"data\":{\"key_id\":\"" GOOD_KEY
                                 "\",\"secret_key\":\"secret\"}}");
    assert_false(stream_status(stream)->connected);
    say(AUTHORIZED);
    assert_string_equal(ws.sent, "{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}");
    assert_int_equal(ups, 0);
    say(LISTENING);
    assert_int_equal(ups, 1);
    assert_int_equal(metrics_value(r.metrics, METRIC_STREAM_CONNECTED, ""), 1);
    say(LISTENING); // twice is fine
    assert_int_equal(ups, 1);
}

static void a_permit_opens_one_connection(void **state)
{
    (void)state;
    start();
    assert_true(before_send(ws.host, ws.target));
    assert_false(before_send(ws.host, ws.target));
}

static void denied_before_anything_is_opened(void **state)
{
    (void)state;
    r.facts.dry_run.state = SWITCH_FALSE;
    broker_call(r.broker, OP_CLOCK, NULL, NULL, on_answer, NULL);
    r.facts.dry_run.state = SWITCH_TRUE;
    settle();
    wire_answers(0, 200, CLOCK);
    r.facts.dry_run.state = SWITCH_FALSE;
    stream_start(stream);
    pass_ms(10);
    assert_int_equal(ws.opens, 0);
    assert_int_equal(r.denials, 1);
    assert_int_equal(r.denied_check, CHECK_DRY_RUN);
    assert_non_null(strstr(stream_status(stream)->detail, "DRY_RUN"));
}

static void denied(const char *host, const char *target, enum guard_check check)
{
    assert_false(before_send(host, target));
    end(WEBSOCKET_REFUSED, "as the transport tells");
    assert_int_equal(r.denials, 1);
    assert_int_equal(r.denied_check, check);
    assert_int_equal(ws.sends, 0);
}

static void what_turned_bad_meanwhile_is_denied_at_the_wire(void **state)
{
    (void)state;
    start();
    r.facts.alpaca_paper.state = SWITCH_FALSE;
    denied(ws.host, ws.target, CHECK_ALPACA_PAPER);
}

static void another_host_is_denied_at_the_wire(void **state)
{
    (void)state;
    start();
    denied("api.alpaca.markets", ws.target, CHECK_REQUEST_HOST);
}

static void another_target_is_denied_at_the_wire(void **state)
{
    (void)state;
    start();
    denied(ws.host, "/v2/orders", CHECK_REQUEST_SHAPE);
}

static void an_old_permit_is_denied_at_the_wire(void **state)
{
    (void)state;
    start();
    pass_ms(2500);
    denied(ws.host, ws.target, CHECK_PERMIT);
}

static void peers_are_judged_as_those_of_requests(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    (void)state;
    start();
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_false(ws.params.allow_peer(ws.params.arg, ws.host, (struct sockaddr *)&a));
    inet_pton(AF_INET, "10.0.0.7", &a.sin_addr);
    assert_false(ws.params.allow_peer(ws.params.arg, ws.host, (struct sockaddr *)&a));
    inet_pton(AF_INET, "35.194.70.1", &a.sin_addr);
    assert_true(ws.params.allow_peer(ws.params.arg, ws.host, (struct sockaddr *)&a));
}

// --- the conversation

static void refused_keys(void **state)
{
    (void)state;
    start();
    assert_true(before_send(ws.host, ws.target));
    ws.params.events.opened(ws.params.events.arg);
    say(REFUSED);
    assert_int_equal(ws.cancels, 1);
    assert_int_equal(ws.sends, 1);
    assert_int_equal(ups, 0);
    assert_string_equal(stream_status(stream)->detail, "the order stream refuses the keys");
}

static void silence_after_the_keys(void **state)
{
    (void)state;
    start();
    assert_true(before_send(ws.host, ws.target));
    ws.params.events.opened(ws.params.events.arg);
    pass_ms(9900);
    assert_true(ws.live);
    pass_ms(200);
    assert_int_equal(ws.cancels, 1);
    assert_non_null(strstr(stream_status(stream)->detail, "in time"));
}

static void silence_after_listening(void **state)
{
    (void)state;
    start();
    assert_true(before_send(ws.host, ws.target));
    ws.params.events.opened(ws.params.events.arg);
    say(AUTHORIZED);
    pass_ms(10100);
    assert_int_equal(ws.cancels, 1);
    assert_int_equal(ups, 0);
}

static void what_events_do(void **state)
{
    static const struct {
        const char *message;
        int reads;
    } cases[] = {
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"fill\",\"order\":{\"client_order_id\":\"x\"}}}", 1},
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"fill\",\"order\":{\"client_order_id\":\"x\"}}}", 1},
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"pending_new\"}}", 0},
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"new\"}}", 0},
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"canceled\"}}", 1},
        {"{\"stream\":\"trade_updates\",\"data\":{\"event\":\"never heard of\"}}", 1},
        {"{\"stream\":\"trade_updates\",\"data\":7}", 1},
        {"{\"stream\":\"trade_updates\"}", 1},
        {"{\"stream\":\"elsewhere\"}", 0},
        {"[]", 0},
        {"\x01", 1},
        {"", 1},
    };
    (void)state;
    start();
    connect_whole();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        events = 0;
        say(cases[i].message);
        assert_int_equal(events, cases[i].reads);
    }
    assert_true(stream_status(stream)->connected);
    assert_int_equal(metrics_value(r.metrics, METRIC_STREAM_EVENTS, "fill"), 2);
    assert_int_equal(metrics_value(r.metrics, METRIC_STREAM_EVENTS, "other"), 3);
    say("{\"stream\":\"listening\",\"data\":{\"streams\":[]}}");
    assert_int_equal(downs, 1);
    assert_int_equal(ws.cancels, 1);
}

static void lost_and_found(void **state)
{
    (void)state;
    start();
    connect_whole();
    end(WEBSOCKET_LOST, "the peer is silent");
    assert_int_equal(downs, 1);
    assert_string_equal(stream_status(stream)->detail, "the peer is silent");
    assert_int_equal(metrics_value(r.metrics, METRIC_STREAM_CONNECTED, ""), 0);
    pass_ms(1000);
    assert_int_equal(ws.opens, 2);
    connect_whole();
    assert_int_equal(ups, 2);
    assert_int_equal(metrics_value(r.metrics, METRIC_STREAM_RECONNECTS, ""), 1);
}

static int opens_within(int64_t ms)
{
    int before = ws.opens;
    for (int64_t passed = 0; passed < ms; passed += 10) {
        pass_ms(10);
        if (ws.live)
            end(WEBSOCKET_LOST, "again");
    }
    return ws.opens - before;
}

static void tries_become_rarer_and_short_again(void **state)
{
    (void)state;
    start();
    int first = opens_within(10000), later = 0;
    assert_true(first >= 4 && first <= 8);
    opens_within(120000);
    later = opens_within(600000);
    assert_true(later >= 9 && later <= 21); // every 30 to 60 s
    while (!ws.live)
        pass_ms(10);
    connect_whole();
    end(WEBSOCKET_LOST, "at once");
    assert_true(opens_within(20000) <= 1); // a connection that did not last changes nothing
    while (!ws.live)
        pass_ms(10);
    connect_whole();
    pass_ms(31000);
    end(WEBSOCKET_LOST, "after a while");
    pass_ms(300);
    assert_true(ws.live);
}

static void a_broker_that_is_away_is_not_asked(void **state)
{
    (void)state;
    stream_start(stream);
    pass_ms(60000);
    assert_int_equal(ws.opens + r.denials, 0);
    start();
    pass_ms(1000);
    assert_int_equal(ws.opens, 1);
}

static void ended_while_it_waits_for_its_slot(void **state)
{
    (void)state;
    broker_call(r.broker, OP_CLOCK, NULL, NULL, on_answer, NULL);
    settle();
    wire_answers(0, 200, CLOCK);
    for (int i = 0; i < 4; i++)
        broker_call(r.broker, OP_ORDERS, NULL, NULL, on_answer, NULL); // all connections are busy
    stream_start(stream);
    pass_ms(100);
    assert_int_equal(ws.opens, 0);
    stream_free(stream);
    stream = NULL;
    for (int i = 1; i <= 4; i++)
        wire_answers(i, 200, "[]");
    pass_ms(100);
    assert_int_equal(ws.opens, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stream_set_up, stream_tear_down)
    const struct CMUnitTest tests[] = {T(the_keys_go_out_last),
                                       T(a_permit_opens_one_connection),
                                       T(denied_before_anything_is_opened),
                                       T(what_turned_bad_meanwhile_is_denied_at_the_wire),
                                       T(another_host_is_denied_at_the_wire),
                                       T(another_target_is_denied_at_the_wire),
                                       T(an_old_permit_is_denied_at_the_wire),
                                       T(peers_are_judged_as_those_of_requests),
                                       T(refused_keys),
                                       T(silence_after_the_keys),
                                       T(silence_after_listening),
                                       T(what_events_do),
                                       T(lost_and_found),
                                       T(tries_become_rarer_and_short_again),
                                       T(a_broker_that_is_away_is_not_asked),
                                       T(ended_while_it_waits_for_its_slot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
