// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The checks of one request: where it goes, what it looks like, which key it carries, and whether an order is the one
// that was committed.
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/permit_internal.h"

#define TARGET_MAX 4096
#define ID_MAX 128

static enum guard_answer per_request(char detail[FACT_TEXT_MAX])
{
    return guard_say(detail, GUARD_PASS, "per request");
}

enum guard_answer guard_check_request_host(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const struct wire_request *r = c->request;

    if (!r)
        return per_request(detail);
    const bool data = guard_op_is_data(c->op);
    const char *scheme = data ? f->data_scheme : f->trading_scheme;
    const char *host = data ? f->data_host : f->trading_host;
    const int port = data ? f->data_port : f->trading_port;

    if (!scheme[0] || !host[0] || port <= 0)
        return guard_say(detail, GUARD_UNKNOWN, "no %s host is configured", data ? "data" : "trading");
    if (!r->scheme || !r->host)
        return guard_say(detail, GUARD_FAIL, "the request names no scheme or host");
    if (!str_equal(r->scheme, scheme) || !str_equal(r->host, host) || r->port != port)
        return guard_say(detail, GUARD_FAIL, "%s goes to %.8s://%.60s:%d, allowed is %s://%s:%d", guard_op_name(c->op),
                         r->scheme, r->host, r->port, scheme, host, port);
    return guard_say(detail, GUARD_PASS, "%s", host);
}

static bool id_char(char ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' ||
           ch == '.';
}

// An id in a path may not become another path: no slash, no percent, no "." or "..".
static bool id_ok(const char *id, size_t len)
{
    if (len > ID_MAX)
        return false;
    if (strspn(id, ".") >= len) // or empty
        return false;
    for (size_t i = 0; i < len; i++)
        if (!id_char(id[i]))
            return false;
    return true;
}

static bool path_matches(const char *pattern, const char *path, size_t len)
{
    const char *hole = strstr(pattern, "{id}");

    if (!hole)
        return len == strlen(pattern) && memcmp(pattern, path, len) == 0;
    CHECK(hole[4] == '\0'); // the table holds ids at the end only
    const size_t fixed = (size_t)(hole - pattern);
    return len > fixed && memcmp(pattern, path, fixed) == 0 && id_ok(path + fixed, len - fixed);
}

// Printable ASCII that a URL may hold; no space, quote, fragment or backslash, and nothing that starts a header line.
static bool query_ok(const char *query)
{
    for (const char *p = query; *p; p++)
        if (*p <= ' ' || *p >= 127 || strchr("\"#<>\\^`{|}", *p))
            return false;
    return true;
}

enum guard_answer guard_check_request_shape(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct wire_request *r = c->request;

    if (!r)
        return per_request(detail);
    if (!r->method || !str_equal(r->method, guard_op_method(c->op)))
        return guard_say(detail, GUARD_FAIL, "the method of %s is %s, not %.10s", guard_op_name(c->op),
                         guard_op_method(c->op), r->method ? r->method : "missing");
    if (!r->target || strnlen(r->target, TARGET_MAX + 1) > TARGET_MAX)
        return guard_say(detail, GUARD_FAIL, "the target of %s is missing or above %d bytes", guard_op_name(c->op),
                         TARGET_MAX);
    const size_t path_len = (size_t)(strchrnul(r->target, '?') - r->target);
    if (!path_matches(guard_op_path(c->op), r->target, path_len))
        return guard_say(detail, GUARD_FAIL, "the path of %s is not %s", guard_op_name(c->op), guard_op_path(c->op));
    if (!query_ok(r->target + path_len))
        return guard_say(detail, GUARD_FAIL, "the query of %s holds characters that no URL may hold",
                         guard_op_name(c->op));
    const bool wants_body = str_equal(r->method, "POST");
    if (wants_body != (r->body != NULL && r->body_len > 0) || (!r->body && r->body_len > 0))
        return guard_say(detail, GUARD_FAIL, "%s %s a body", guard_op_name(c->op), wants_body ? "needs" : "takes no");
    return guard_say(detail, GUARD_PASS, "%s %s", r->method, guard_op_path(c->op));
}

// A fingerprint is no secret: how long this takes tells nobody anything.
static bool same_digest(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0;
}

enum guard_answer guard_check_request_key(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    static const struct digest none;
    const struct guard_facts *f = c->facts;

    if (!c->request)
        return per_request(detail);
    if (f->key_class == KEY_UNREAD || f->key_class == KEY_MISSING || same_digest(&f->key_fingerprint, &none))
        return guard_say(detail, GUARD_UNKNOWN, "no key is configured");
    if (!same_digest(&f->key_fingerprint, &c->request->key_fingerprint))
        return guard_say(detail, GUARD_FAIL, "the request carries another key than the configured one (%s)",
                         f->key_shown);
    return guard_say(detail, GUARD_PASS, "%s", f->key_shown);
}

// The body is what the order says, so what was judged is what is sent.
static bool body_is_order(const struct receipt *r)
{
    return r->says.len == r->terms.body_len && memcmp(text_str(&r->says), r->body, r->says.len) == 0;
}

// Asked of every connection when it stands, new or used before; a permit is minted before there is one.
enum guard_answer guard_check_peer(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const char *peer = c->on_wire ? c->request->peer : NULL;

    if (!c->on_wire)
        return f->peer_last[0] ? guard_say(detail, GUARD_PASS, "per request; the last went to %s", f->peer_last)
                               : per_request(detail);
    if (!peer || !peer[0])
        return guard_say(detail, GUARD_UNKNOWN, "the transport does not say which address it is connected to");
    if (!guard_peer_text_allowed(f, peer))
        return guard_say(detail, GUARD_FAIL,
                         "connected to %.60s, expected %s; look at name service, /etc/hosts, routes", peer,
                         f->endpoint == ENDPOINT_SIMULATOR ? "a loopback address" : "a public address");
    return guard_say(detail, GUARD_PASS, "%s", peer);
}

enum guard_answer guard_check_tls(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct wire_request *r = c->request;

    if (!c->on_wire)
        return per_request(detail);
    if (!r->tls.known)
        return guard_say(detail, GUARD_UNKNOWN, "the transport does not say how the connection is encrypted");
    if (c->facts->endpoint == ENDPOINT_SIMULATOR)
        return r->tls.used ? guard_say(detail, GUARD_FAIL, "TLS towards a simulator, which speaks plain HTTP")
                           : guard_say(detail, GUARD_PASS, "plain, on loopback");
    if (!r->tls.used)
        return guard_say(detail, GUARD_FAIL, "the connection is not encrypted; expected TLS 1.2 or newer");
    if (!r->tls.chain_good)
        return guard_say(detail, GUARD_FAIL, "no trusted authority vouches for the peer's certificate");
    if (!r->tls.host_good)
        return guard_say(detail, GUARD_FAIL, "the peer's certificate is not for %.60s",
                         r->host ? r->host : "(no host)");
    if (r->tls.version < TLS_STATE_1_2)
        return guard_say(detail, GUARD_FAIL, "the connection's protocol is older than TLS 1.2");
    return guard_say(detail, GUARD_PASS, "verified");
}

// Which permit this is, the redeeming function asks itself.
enum guard_answer guard_check_permit(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    (void)c;
    return per_request(detail);
}

enum guard_answer guard_check_receipt(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct wire_request *r = c->request;

    if (!r)
        return per_request(detail);
    if (!c->receipt)
        return guard_say(detail, GUARD_FAIL, "an order needs the receipt of its committed intent");
    const struct receipt_terms *t = &c->receipt->terms;
    if (t->committed_boot_ns <= 0)
        return guard_say(detail, GUARD_UNKNOWN, "the receipt does not say when its intent was committed");
    CHECK(t->reduces == (c->class == GUARD_REDUCE)); // the operation is the receipt's
    if (!t->account_number[0] || !str_equal(t->account_number, c->facts->account_number))
        return guard_say(detail, GUARD_FAIL, "the intent was committed for account %s, the account is %s",
                         t->account_number[0] ? t->account_number : "(none)",
                         c->facts->account_number[0] ? c->facts->account_number : "not known");
    if (!r->body || r->body_len != t->body_len || memcmp(r->body, t->body, t->body_len) != 0)
        return guard_say(detail, GUARD_FAIL, "the body is not the one committed with the intent of %s",
                         t->order.client_order_id);
    if (!t->order.client_order_id[0] || !body_is_order(c->receipt))
        return guard_say(detail, GUARD_FAIL, "the committed body of %s does not say what its order says",
                         t->order.client_order_id);
    return guard_say(detail, GUARD_PASS, "%s", t->order.client_order_id);
}
