// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a TLS connection is found to be: by itself with all that can be wrong, and as the HTTP client tells it right
// before a request, on a new connection and on one that was used before.
#include <openssl/ssl.h>

#include "lib/io/tls_look.h"
#include "tests/unit/http_client_rig.h"

static char folder[64];

struct tls_server { // one connection, two answers
    pthread_t thread;
    SSL_CTX *context;
    int listener, port, answers;
};

static const char *in_folder(const char *name)
{
    static char path[160]; // until the next call
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void *serve_tls(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct tls_server *s = arg;
    char bytes[4096];
    int fd = accept(s->listener, NULL, NULL), n;
    SSL *ssl = SSL_new(s->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        while ((n = SSL_read(ssl, bytes, sizeof bytes - 1)) > 0) {
            bytes[n] = '\0';
            if (strstr(bytes, "\r\n\r\n") == NULL)
                continue;
            s->answers++;
            SSL_write(ssl, answer, sizeof answer - 1);
        }
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void start(struct tls_server *s, int version, const char *certificate, const char *key)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *s = (struct tls_server){.context = SSL_CTX_new(TLS_server_method()), .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(SSL_CTX_set_max_proto_version(s->context, version), 1);
    assert_int_equal(SSL_CTX_use_certificate_file(s->context, in_folder(certificate), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(s->context, in_folder(key), SSL_FILETYPE_PEM), 1);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_tls, s), 0);
}

static void stop(struct tls_server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
    SSL_CTX_free(s->context);
}

static int openssl_req(const char *file, const char *words)
{
    char command[1024];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 %s -keyout %s/%s.key "
             "-out %s/%s.pem >%s/log 2>&1",
             words, folder, file, folder, file, folder);
    return system(command);
}

static int make_certificates(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/pg-look-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return openssl_req("c", "-subj /CN=x -addext subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:p*.example.org") != 0 ||
           openssl_req("bare", "-subj /CN=localhost") != 0 || set_up(state) != 0;
}

static int remove_certificates(void **state)
{
    unlink(in_folder("c.key"));
    unlink(in_folder("c.pem"));
    unlink(in_folder("bare.key"));
    unlink(in_folder("bare.pem"));
    unlink(in_folder("log"));
    rmdir(folder);
    return tear_down(state);
}

static void through_the_client(int limit, int version)
{
    struct tls_server s;
    char authority[160];
    str_copy_cut(authority, sizeof authority, in_folder("c.pem"));
    struct http_client_params p = {.loop = loop,
                                   .answer_max = 20000,
                                   .max_connections = 1,
                                   .ca_file = authority,
                                   .allow_peer = allow_peer,
                                   .allow_peer_arg = &seen};
    memset(&seen, 0, sizeof seen);
    start(&s, limit, "c.pem", "c.key");
    struct http_client *c = http_client_new(&p);
    struct http_request r = request_to(s.port, "GET", "/", NULL);
    r.scheme = "https";
    for (int i = 1; i <= 2; i++) { // the second one on the connection of the first
        memset(&seen.wire, 0, sizeof seen.wire);
        run(c, &r);
        if (seen.result != HTTP_RESULT_OK)
            fail_msg("%s", seen.detail);
        assert_true(seen.wire.tls.known && seen.wire.tls.used && seen.wire.tls.chain_good && seen.wire.tls.host_good);
        assert_int_equal(seen.wire.tls.version, version);
    }
    http_client_free(c);
    stop(&s);
    assert_int_equal(s.answers, 2);
    assert_int_equal(seen.allow_calls, 1);
}

static void test_client(void **state)
{
    (void)state;
    through_the_client(TLS1_3_VERSION, 0x0304);
    through_the_client(TLS1_2_VERSION, TLS_STATE_1_2);
}

// A client that trusts nobody in particular, and one that trusts this certificate: what is found does not depend on
// what the transport has done about it.
static SSL *connected(const struct tls_server *s, SSL_CTX *context, int fd)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s->port)};
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    assert_false(tls_look(ssl, "localhost").known); // not before the handshake
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void ended(struct tls_server *s, SSL_CTX *context, SSL *ssl, int fd)
{
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(context);
    stop(s);
}

static void by_itself(bool trusted, int verify, bool chain_good)
{
    struct tls_server s;
    start(&s, TLS1_3_VERSION, "c.pem", "c.key");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (trusted)
        assert_int_equal(SSL_CTX_load_verify_file(context, in_folder("c.pem")), 1);
    SSL_CTX_set_verify(context, verify, NULL);
    SSL *ssl = connected(&s, context, fd);
    struct tls_state found = tls_look(ssl, "localhost");
    assert_true(found.known && found.used && found.host_good);
    assert_int_equal(found.chain_good, chain_good);
    assert_int_equal(found.version, 0x0304);
    assert_true(tls_look(ssl, "127.0.0.1").host_good);
    assert_false(tls_look(ssl, "127.0.0.2").host_good);
    assert_false(tls_look(ssl, "::1").host_good);
    assert_false(tls_look(ssl, "paper-api.alpaca.markets").host_good);
    assert_false(tls_look(ssl, "localhost.example").host_good);
    assert_false(tls_look(ssl, "x").host_good);                 // the subject is no name
    assert_false(tls_look(ssl, "paper.example.org").host_good); // half a name is none
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);                 // asked for too late: what was found counts
    assert_int_equal(tls_look(ssl, "localhost").chain_good, trusted);
    ended(&s, context, ssl, fd);
}

// Nor is the subject one where the certificate has no names at all.
static void test_without_names(void **state)
{
    struct tls_server s;
    (void)state;
    start(&s, TLS1_3_VERSION, "bare.pem", "bare.key");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = connected(&s, context, fd);
    assert_false(tls_look(ssl, "localhost").host_good);
    ended(&s, context, ssl, fd);
}

static void test_by_itself(void **state)
{
    (void)state;
    by_itself(true, SSL_VERIFY_PEER, true);
    by_itself(true, SSL_VERIFY_NONE, false); // good by chance: nobody would have stopped it
    by_itself(false, SSL_VERIFY_NONE, false);
    assert_false(tls_look(NULL, "localhost").known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_by_itself),
        cmocka_unit_test(test_without_names),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
