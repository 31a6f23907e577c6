// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// WebSockets over TLS against a real libssl server in a thread, with certificates made here by openssl(1).
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include <openssl/ssl.h>

#include "lib/io/websocket_internal.h"
#include "tests/unit/websocket_rig.h"

#define MESSAGES 100
#define MESSAGE_LEN 4000

struct tls_server {
    pthread_t thread;
    SSL_CTX *context;
    int listener;
    char sni[64];
    bool shook, got_echo;
    bool renegotiates; // once open, and goes on with it when told to
    atomic_bool asked, go_on;
};

static char folder[64];

static const char *in_folder(const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", folder, name);
    return out;
}

// NAME.pem and NAME.key: signed by itself, for these names.
static void make_certificate(const char *name, const char *names)
{
    char command[1024];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
             "-addext basicConstraints=critical,CA:TRUE %s%s -keyout %s/%s.key -out %s/%s.pem >%s/log 2>&1",
             *names != '\0' ? "-addext subjectAltName=" : "", names, folder, name, folder, name, folder);
    if (system(command) != 0)
        fail_msg("openssl failed: %s", command);
}

static int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "/tmp/pg-tls-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_certificate("right", "DNS:localhost");
    make_certificate("wrong", "DNS:other.example");
    make_certificate("nameless", "");
    make_certificate("address", "IP:127.0.0.1");
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"right", "wrong", "nameless", "address"};
    char path[160];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s.pem", folder, names[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s.key", folder, names[i]);
        unlink(path);
    }
    unlink(in_folder("log", path));
    return rmdir(folder);
}

// The client has begun its part when bytes of it are there.
static void renegotiate(struct tls_server *s, SSL *ssl)
{
    struct pollfd p = {.fd = SSL_get_fd(ssl), .events = POLLIN};
    if (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1 || poll(&p, 1, PATIENCE_MS) != 1)
        return;
    s->asked = true;
    while (!s->go_on)
        poll(NULL, 0, 1);
}

static void talk(struct tls_server *s, SSL *ssl)
{
    char request[4096] = "", accept[WEBSOCKET_ACCEPT_MAX], key[WEBSOCKET_KEY_MAX], answer[512];
    static char frame[4 + MESSAGE_LEN] = "\x82\x7e";
    for (int len = 0; strstr(request, "\r\n\r\n") == NULL; len++)
        if (SSL_read(ssl, request + len, 1) != 1)
            return;
    snprintf(key, sizeof key, "%s", strstr(request, "Sec-WebSocket-Key: ") + 19);
    websocket_accept_of(key, accept);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    SSL_write(ssl, answer, n);
    frame[2] = MESSAGE_LEN >> 8;
    frame[3] = (char)(MESSAGE_LEN & 0xff);
    for (int i = 0; i < MESSAGES; i++)
        SSL_write(ssl, frame, sizeof frame);
    if (s->renegotiates)
        renegotiate(s, ssl);
    char head[6], text[4];
    if (SSL_read(ssl, head, 6) == 6 && SSL_read(ssl, text, 2) == 2)
        s->got_echo = (head[0] & 0x0f) == 1;
}

static void *serve(void *arg)
{
    struct tls_server *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    SSL *ssl = SSL_new(s->context);
    SSL_set_fd(ssl, fd);
    s->shook = SSL_accept(ssl) == 1;
    const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(s->sni, sizeof s->sni, "%s", sni != NULL ? sni : "");
    if (s->shook)
        talk(s, ssl);
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void start(struct tls_server *s, struct fixture *f, const char *certificate, bool renegotiates)
{
    char path[160], name[64];
    *s = (struct tls_server){
        .context = SSL_CTX_new(TLS_server_method()), .listener = f->listener, .renegotiates = renegotiates};
    if (renegotiates) // no later version has it
        assert_int_equal(SSL_CTX_set_max_proto_version(s->context, TLS1_2_VERSION), 1);
    snprintf(name, sizeof name, "%s.pem", certificate);
    assert_int_equal(SSL_CTX_use_certificate_file(s->context, in_folder(name, path), SSL_FILETYPE_PEM), 1);
    snprintf(name, sizeof name, "%s.key", certificate);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(s->context, in_folder(name, path), SSL_FILETYPE_PEM), 1);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct tls_server *s)
{
    pthread_join(s->thread, NULL);
    SSL_CTX_free(s->context);
}

static void dial(struct fixture *f, const char *host, const char *authority)
{
    char path[160], name[64];
    struct err err;
    snprintf(name, sizeof name, "%s.pem", authority != NULL ? authority : "");
    struct websocket_tls *tls = websocket_tls_new(authority != NULL ? in_folder(name, path) : NULL, &err);
    assert_non_null(tls);
    struct websocket_client p = client_params(f, f->raw_port);
    p.scheme = "https";
    p.host = host;
    p.tls = tls;
    f->client.ws = websocket_open(&p);
    UNTIL(f, f->client.opened == 1 || f->client.ended == 1);
    websocket_tls_free(tls); // an open one keeps what it needs
}

static void accepted(struct fixture *f, const char *host, const char *certificate, const char *sni)
{
    struct tls_server s;
    start(&s, f, certificate, false);
    dial(f, host, certificate);
    if (f->client.opened != 1)
        fail_msg("%s", f->client.detail);
    assert_int_equal(websocket_send(f->client.ws, true, "ok", 2), 0);
    UNTIL(f, f->client.binaries == MESSAGES && f->client.ended == 1);
    assert_int_equal(f->client.got.len, MESSAGES * (MESSAGE_LEN + 1));
    stop(&s);
    assert_true(s.got_echo);
    assert_string_equal(s.sni, sni);
    assert_int_equal(f->sends, 1);
    assert_true(f->tls.known && f->tls.used && f->tls.chain_good && f->tls.host_good);
    assert_true(f->tls.version >= TLS_STATE_1_2);
}

static void refused(struct fixture *f, const char *host, const char *certificate, const char *authority,
                    const char *why)
{
    struct tls_server s;
    start(&s, f, certificate, false);
    dial(f, host, authority);
    websocket_cancel(f->client.ws); // the server's thread ends, whatever came of it
    f->client.ws = NULL;
    stop(&s);
    assert_int_equal(f->client.opened, 0);
    assert_int_equal(f->client.ending.result, WEBSOCKET_REFUSED);
    assert_int_equal(f->sends, 0); // nothing of the request left
    if (strstr(f->client.detail, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->client.detail, why);
}

static void test_right_name(void **state)
{
    accepted(*state, "localhost", "right", "localhost");
}

static void test_right_address(void **state)
{
    accepted(*state, "127.0.0.1", "address", "");
}

static void test_wrong_name(void **state)
{
    refused(*state, "localhost", "wrong", "wrong", "hostname mismatch");
}

static void test_name_in_the_subject_only(void **state)
{
    refused(*state, "localhost", "nameless", "nameless", "hostname mismatch");
}

static void test_address_without_its_certificate(void **state)
{
    refused(*state, "127.0.0.1", "right", "right", "IP address mismatch");
}

static void test_unknown_authority(void **state)
{
    refused(*state, "localhost", "right", "wrong", "self-signed certificate");
}

static void test_system_authorities_do_not_know_it(void **state)
{
    refused(*state, "localhost", "right", NULL, "self-signed certificate");
}

static void test_authorities_that_cannot_be_read(void **state)
{
    struct err err;
    (void)state;
    assert_null(websocket_tls_new("/nonexistent/ca.pem", &err));
    assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
}

// What could not be written while TLS waited for the peer is written once it has answered.
static void test_write_during_a_renegotiation(void **state)
{
    struct fixture *f = *state;
    struct tls_server s;
    start(&s, f, "right", true);
    dial(f, "localhost", "right");
    UNTIL(f, s.asked || f->client.ended == 1);
    assert_int_equal(f->client.ended, 0);
    assert_int_equal(websocket_send(f->client.ws, true, "ok", 2), 0);
    UNTIL(f, f->client.ws->wire.write_needs_read);
    s.go_on = true;
    UNTIL(f, f->client.ended == 1);
    stop(&s);
    assert_true(s.got_echo);
}

// A peer that is not TLS at all.
static void test_plain_peer(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct websocket_tls *tls = websocket_tls_new(NULL, &err);
    struct websocket_client p = client_params(f, f->http_port);
    p.scheme = "https";
    p.tls = tls;
    f->client.ws = websocket_open(&p);
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_REFUSED);
    assert_int_equal(f->sends, 0);
    websocket_tls_free(tls);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_right_name),
                                       T(test_right_address),
                                       T(test_wrong_name),
                                       T(test_name_in_the_subject_only),
                                       T(test_address_without_its_certificate),
                                       T(test_unknown_authority),
                                       T(test_system_authorities_do_not_know_it),
                                       T(test_authorities_that_cannot_be_read),
                                       T(test_write_during_a_renegotiation),
                                       T(test_plain_peer)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
