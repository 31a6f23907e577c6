// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Any bytes, taken as what the peer of an open WebSocket sends: however they are split, the messages are those that the
// rules of RFC 6455 (written here a second time) find in them, in order and whole, and the end is the same and comes
// once; what we send is sound frames and nothing after a closing one. Or taken as a server's answer to the opening
// handshake: it is read the same however it comes.
//
// The first byte: 1 we are the server, 2 each message is sent back, 4 we close after the first, 8 we let go of it
// within the first, 16 the bytes are an answer to the handshake.
#include "lib/base/digest.h"
#include "lib/io/websocket_internal.h"
#include "lib/io/websocket_upgrade.h"
#include "tests/fuzz/fuzz_loop.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 16384
#define MESSAGE_MAX 512 // small, so that messages above it are found
#define SENT_MAX (1u << 20)
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
enum { SERVER = 1, ECHO = 2, CLOSE = 4, CANCEL = 8, ANSWER = 16 };

struct outcome {
    uint64_t messages;
    size_t count;
    int ended;
    struct websocket_ending ending;
    char detail[WS_DETAIL_MAX];
};

static struct {
    unsigned how;
    const uint8_t *at; // what may be read now
    size_t left;
    bool over; // the peer has closed
    size_t may_write;
    struct text sent;
    struct websocket *ws;
    struct outcome *out;
} peer;

// ---- the wire, which is the input

ssize_t ws_wire_read(struct ws_wire *wire, void *bytes, size_t len, struct err *err)
{
    (void)wire, (void)err;
    if (peer.left == 0)
        return peer.over ? 0 : WS_WIRE_AGAIN;
    const size_t n = len < peer.left ? len : peer.left;
    memcpy(bytes, peer.at, n);
    peer.at += n;
    peer.left -= n;
    return (ssize_t)n;
}

ssize_t ws_wire_write(struct ws_wire *wire, const void *bytes, size_t len, struct err *err)
{
    (void)wire, (void)err;
    const size_t n = len < peer.may_write ? len : peer.may_write;
    if (n == 0)
        return WS_WIRE_AGAIN;
    peer.may_write -= n;
    text_addn(&peer.sent, bytes, n);
    return (ssize_t)n;
}

void ws_wire_close(struct ws_wire *wire)
{
    wire->fd = -1;
}

// It is open from the start.
void ws_dial_step(struct websocket *w)
{
    CHECK(w == NULL);
}

void ws_dial_free(struct ws_dial *d)
{
    CHECK(d == NULL);
}

// ---- the owner

static uint64_t hash_add(uint64_t h, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return (h ^ len) * UINT64_C(0x100000001b3);
}

static bool is_utf8(const char *bytes, size_t len)
{
    for (size_t at = 0, n; at < len; at += n) {
        n = bytes[at] == '\0' ? 1 : str_char(bytes + at); // NUL-terminated: none reads past the end
        if (n == 0 || n > len - at)
            return false;
    }
    return true;
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
    CHECK(arg == &peer && peer.ws != NULL && peer.out->ended == 0);
    CHECK(len <= MESSAGE_MAX && bytes[len] == '\0' && (!is_text || is_utf8(bytes, len)));
    peer.out->messages = hash_add(hash_add(peer.out->messages, &is_text, 1), bytes, len);
    peer.out->count++;
    if (peer.how & ECHO)
        (void)!websocket_send(peer.ws, is_text, bytes, len);
    if (peer.how & CLOSE)
        websocket_close(peer.ws, 1000, "enough");
    if (peer.how & CANCEL) {
        websocket_cancel(peer.ws);
        peer.ws = NULL;
    }
}

static void on_ended(void *arg, const struct websocket_ending *e)
{
    CHECK(arg == &peer && peer.ws != NULL);
    peer.out->ended++;
    peer.out->ending = *e;
    str_copy_cut(peer.out->detail, sizeof peer.out->detail, e->detail);
    text_check(peer.out->detail);
    peer.ws = NULL;
}

// ---- what we sent

// One frame at the start of bytes; its length, 0 when it is cut off.
static size_t sent_frame(const uint8_t *p, size_t len, bool *closes)
{
    const bool masked = !(peer.how & SERVER);
    size_t head = 2, body;
    if (len < 2)
        return 0;
    const unsigned opcode = p[0] & 0x0f;
    CHECK((p[0] & 0xf0) == 0x80 && (p[1] >> 7) == masked);
    CHECK(opcode == 1 || opcode == 2 || opcode == 8 || opcode == 9 || opcode == 10);
    body = p[1] & 0x7f;
    CHECK(body != 127 && (opcode < 8 || body < 126));
    if (body == 126) {
        if (len < 4)
            return 0;
        body = (size_t)p[2] << 8 | p[3];
        CHECK(body >= 126);
        head = 4;
    }
    *closes = opcode == 8;
    head += masked ? 4 : 0;
    return len < head + body ? 0 : head + body;
}

static void check_sent(void)
{
    const uint8_t *p = (const uint8_t *)text_str(&peer.sent);
    bool closed = false;
    CHECK(!peer.sent.overflow);
    for (size_t at = 0, n = 1; at < peer.sent.len && n > 0; at += n) {
        CHECK(!closed);
        n = sent_frame(p + at, peer.sent.len - at, &closed);
    }
}

// ---- the rules a second time

struct rules {
    const uint8_t *p;
    size_t len, at;
    char message[MESSAGE_MAX + 1];
    size_t have;
    int opcode; // of the message whose fragments come; 0: none
    uint64_t hash;
    size_t count, most; // messages that are taken
    bool odd_reason;    // a closing frame's is not UTF-8: the library sees that, or not, by how it comes
};

// A frame's length after its first two bytes; false: cut off or against the rules.
static bool rules_length(struct rules *r, unsigned short_len, uint64_t *out)
{
    const size_t bytes = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    uint64_t n = bytes == 0 ? short_len : 0;
    if (r->len - r->at < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | r->p[r->at++];
    *out = n;
    return !(bytes == 2 && n < 126) && !(bytes == 8 && (n < 65536 || n >> 63));
}

static void rules_reason(struct rules *r, const uint8_t mask[4], size_t len)
{
    char reason[126] = "";
    for (size_t i = 2; i < len; i++)
        reason[i - 2] = (char)(r->p[r->at + i] ^ mask[i % 4]);
    r->odd_reason = len > 2 && !is_utf8(reason, len - 2);
}

// Takes one frame; false: nothing is delivered from here on.
static bool rules_frame(struct rules *r, bool masked)
{
    uint64_t len;
    uint8_t mask[4] = {0};
    if (r->len - r->at < 2)
        return false;
    const unsigned first = r->p[r->at], second = r->p[r->at + 1], opcode = first & 0x0f;
    const bool fin = first & 0x80, control = opcode >= 8;
    r->at += 2;
    if (first & 0x70 || (second >> 7) != masked || (opcode > 2 && opcode < 8) || opcode > 10)
        return false;
    if (control ? !fin || (second & 0x7f) > 125 : (opcode == 0) != (r->opcode != 0))
        return false;
    if (!rules_length(r, second & 0x7f, &len) || (masked && r->len - r->at < 4))
        return false;
    for (int i = 0; masked && i < 4; i++)
        mask[i] = r->p[r->at++];
    if (!control && (len > MESSAGE_MAX || r->have + len > MESSAGE_MAX))
        return false;
    if (r->len - r->at < len)
        return false;
    if (opcode == 8) {
        rules_reason(r, mask, len);
        return false;
    }
    for (size_t i = 0; i < len && !control; i++)
        r->message[r->have++] = (char)(r->p[r->at + i] ^ mask[i % 4]);
    r->at += len;
    if (control)
        return true;
    r->opcode = opcode != 0 ? (int)opcode : r->opcode;
    if (!fin)
        return true;
    const bool is_text = r->opcode == 1;
    r->message[r->have] = '\0';
    if (is_text && !is_utf8(r->message, r->have))
        return false;
    if (r->count < r->most) {
        r->hash = hash_add(hash_add(r->hash, &is_text, 1), r->message, r->have);
        r->count++;
    }
    r->have = 0;
    r->opcode = 0;
    return true;
}

// True when the end must be the same however it comes.
static bool check_rules(const uint8_t *data, size_t size, const struct outcome *out)
{
    static struct rules r;
    r = (struct rules){.p = data, .len = size, .most = peer.how & (CLOSE | CANCEL) ? 1 : SIZE_MAX};
    while (rules_frame(&r, peer.how & SERVER))
        continue;
    if (r.count == out->count && r.hash == out->messages)
        return !r.odd_reason;
    fprintf(stderr, "%zu messages, by the rules %zu\n", out->count, r.count);
    abort();
}

// ---- one way to split it

static size_t piece_len(unsigned way, size_t rest, uint32_t *seed)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    const size_t n = way == 0 ? rest : way == 1 ? 1 : 1 + (*seed >> 16) % 64;
    return n < rest ? n : rest;
}

static void turn(unsigned way)
{
    peer.may_write = way == 2 ? 200 : SENT_MAX; // less, and pongs would pile up for one way alone
    fuzz_loop_ready();
    fuzz_loop_pass(0);
}

static void run(const uint8_t *data, size_t size, unsigned way, struct outcome *out)
{
    const struct websocket_limits limits = {.close_ms = 1000, .message_max = MESSAGE_MAX, .unsent_max = 65536};
    const struct websocket_events events = {.message = on_message, .ended = on_ended, .arg = &peer};
    uint32_t seed = (uint32_t)size + way;
    *out = (struct outcome){0};
    text_init(&peer.sent, SENT_MAX);
    peer.out = out;
    peer.over = false;
    peer.left = 0;
    struct websocket *w = peer.ws = ws_new(NULL, &limits, &events, WS_OPEN);
    ws_enter(w);
    ws_start_frames(w, peer.how & SERVER);
    ws_attach(w);
    ws_leave(w);
    for (size_t at = 0; at < size && peer.ws != NULL; at += peer.left) {
        peer.left = piece_len(way, size - at, &seed);
        peer.at = data + at;
        const size_t given = peer.left;
        for (int i = 0; i < 3 && peer.left > 0 && peer.ws != NULL; i++)
            turn(way);
        peer.left = given;
    }
    peer.left = 0;
    peer.over = true;
    for (int i = 0; i < 3 && peer.ws != NULL; i++)
        turn(0);
    fuzz_loop_pass(2000);
    CHECK(peer.ws == NULL && fuzz_loop.count == 0 && fuzz_loop.watch == NULL);
    CHECK(out->ended == (peer.how & CANCEL && out->count > 0 ? 0 : 1));
    check_sent();
    text_free(&peer.sent);
}

static void check_frames(const uint8_t *data, size_t size)
{
    struct outcome first, other;
    run(data, size, 0, &first);
    const bool same_end = check_rules(data, size, &first);
    for (unsigned way = 1; way < 3; way++) {
        run(data, size, way, &other);
        CHECK(other.count == first.count && other.messages == first.messages && other.ended == first.ended);
        if (first.ended && same_end)
            CHECK(other.ending.result == first.ending.result && other.ending.code == first.ending.code);
    }
}

static void check_answer(const char *text, size_t size)
{
    size_t used = 0, again = 0;
    int status = 0, status_again = 0;
    struct err err = {""};
    const enum websocket_answer whole = websocket_answer_read(text, size, KEY, &used, &status, &err);
    if (whole == WEBSOCKET_ANSWER_NO)
        text_check(err.text);
    if (whole == WEBSOCKET_ANSWER_YES)
        CHECK(used <= size && used <= WEBSOCKET_ANSWER_MAX && strncmp(text, "HTTP/1.1 101", 12) == 0);
    for (size_t len = 0; len < size; len++) { // what is not decided yet is never decided otherwise
        char *part = text_input((const uint8_t *)text, len);
        const enum websocket_answer a = websocket_answer_read(part, len, KEY, &again, &status_again, &err);
        free(part);
        if (a == WEBSOCKET_ANSWER_MORE)
            continue;
        CHECK(a == whole && (a != WEBSOCKET_ANSWER_YES || again == used));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    peer.how = data[0];
    char *text = text_input(data + 1, size - 1);
    if (peer.how & ANSWER)
        check_answer(text, size - 1);
    else
        check_frames((const uint8_t *)text, size - 1);
    free(text);
    return 0;
}
