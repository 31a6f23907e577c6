// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bytes below the WebSocket: a non-blocking descriptor, plain or with TLS. The host's name is verified by libssl's own
// rules, set here and not left to a default; at least TLS 1.2; HTTP/1.1 alone is offered.
#include "lib/io/websocket_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/io/tls_look.h"

struct websocket_tls {
    SSL_CTX *context;
};

static const char *last_error(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != NULL ? reason : "unknown error";
}

struct websocket_tls *websocket_tls_new(const char *ca_file, struct err *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    CHECK(context != NULL);
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // The system's: read when needed, and named here, for the defaults could be redirected by the environment.
    const char *from = ca_file != NULL ? ca_file : X509_get_default_cert_dir();
    if ((ca_file != NULL ? SSL_CTX_load_verify_file(context, from) : SSL_CTX_load_verify_dir(context, from)) != 1) {
        err_set(err, "cannot read the trusted authorities in %s: %s", from, last_error());
        SSL_CTX_free(context);
        return NULL;
    }
    struct websocket_tls *tls = check_alloc(1, sizeof *tls);
    tls->context = context;
    return tls;
}

void websocket_tls_free(struct websocket_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

int ws_wire_secure(struct ws_wire *wire, struct websocket_tls *tls, const char *host, struct err *err)
{
    static const unsigned char http11[] = "\x08http/1.1";
    ERR_clear_error();
    SSL *ssl = SSL_new(tls->context);
    CHECK(ssl != NULL);
    X509_VERIFY_PARAM *verify = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    bool ok = resolver_is_literal(host)
                  ? X509_VERIFY_PARAM_set1_ip_asc(verify, host) == 1
                  : X509_VERIFY_PARAM_set1_host(verify, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    ok = ok && SSL_set_alpn_protos(ssl, http11, sizeof http11 - 1) == 0 && SSL_set_fd(ssl, wire->fd) == 1;
    if (!ok) {
        SSL_free(ssl);
        return err_set(err, "TLS cannot be set up for %s: %s", host, last_error());
    }
    SSL_set_connect_state(ssl);
    wire->ssl = ssl;
    return 0;
}

// Says why a TLS call did not go on: AGAIN or FAILED.
static ssize_t tls_outcome(struct ws_wire *wire, int rc, bool *other, int own, struct err *err)
{
    int saved = errno, why = SSL_get_error(wire->ssl, rc);
    long verified = SSL_get_verify_result(wire->ssl);
    *other = false;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        *other = why != own;
        return WS_WIRE_AGAIN;
    }
    if (verified != X509_V_OK)
        err_set(err, "the peer's certificate is not accepted: %s", X509_verify_cert_error_string(verified));
    else if (why == SSL_ERROR_SYSCALL && ERR_peek_last_error() == 0)
        err_set(err, "the connection broke: %s", saved != 0 ? strerror(saved) : "the peer left without a word");
    else
        err_set(err, "TLS failed: %s", last_error());
    return WS_WIRE_FAILED;
}

int ws_wire_handshake(struct ws_wire *wire, struct err *err)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_do_handshake(wire->ssl);
    if (rc != 1)
        return tls_outcome(wire, rc, &wire->read_needs_write, SSL_ERROR_WANT_READ, err) == WS_WIRE_AGAIN ? 0 : -1;
    wire->read_needs_write = false;
    // SSL_VERIFY_PEER has seen to both; this holds even if somebody turns it off above.
    if (SSL_get_verify_result(wire->ssl) != X509_V_OK || SSL_get0_peer_certificate(wire->ssl) == NULL)
        return err_set(err, "the peer's certificate is not accepted");
    return 1;
}

ssize_t ws_wire_read(struct ws_wire *wire, void *bytes, size_t len, struct err *err)
{
    errno = 0;
    if (wire->ssl == NULL) {
        ssize_t n = recv(wire->fd, bytes, len, MSG_DONTWAIT);
        if (n >= 0)
            return n;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            return WS_WIRE_AGAIN;
        err_set(err, "the connection broke: %s", strerror(errno));
        return WS_WIRE_FAILED;
    }
    size_t got = 0;
    wire->write_needs_read = false; // perhaps this is what the write waits for: it finds out
    ERR_clear_error();
    int rc = SSL_read_ex(wire->ssl, bytes, len, &got);
    if (rc == 1) {
        wire->read_needs_write = false;
        return (ssize_t)got;
    }
    if (SSL_get_error(wire->ssl, rc) == SSL_ERROR_ZERO_RETURN)
        return 0;
    return tls_outcome(wire, rc, &wire->read_needs_write, SSL_ERROR_WANT_READ, err);
}

ssize_t ws_wire_write(struct ws_wire *wire, const void *bytes, size_t len, struct err *err)
{
    errno = 0;
    if (wire->ssl == NULL) {
        ssize_t n = send(wire->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            return WS_WIRE_AGAIN;
        err_set(err, "the connection broke: %s", strerror(errno));
        return WS_WIRE_FAILED;
    }
    size_t put = 0;
    ERR_clear_error();
    int rc = SSL_write_ex(wire->ssl, bytes, len, &put);
    if (rc == 1) {
        wire->write_needs_read = false;
        return (ssize_t)put;
    }
    return tls_outcome(wire, rc, &wire->write_needs_read, SSL_ERROR_WANT_WRITE, err);
}

void ws_wire_close(struct ws_wire *wire)
{
    if (wire->ssl != NULL)
        SSL_free(wire->ssl);
    if (wire->fd >= 0)
        close(wire->fd);
    *wire = (struct ws_wire){.fd = -1};
}

struct tls_state ws_wire_look(const struct ws_wire *wire, const char *host)
{
    return wire->ssl != NULL ? tls_look(wire->ssl, host) : (struct tls_state){.known = true};
}
