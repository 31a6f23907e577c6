// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What never leaves the HTTP client: vetoed peers and requests, injected headers, plain HTTP to others, unknown
// certificates.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/http_client_rig.h"

static void a_refused_connection_sent_nothing(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    server_stop(&s); // the port is free again
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, 0);
    http_client_free(c);
}

static void allow_peer_vetoes(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    seen.veto_peer = true;
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.allow_calls, 1);
    assert_non_null(strstr(seen.detail, "not an allowed peer"));
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.connections, 0);
}

static void before_send_vetoes(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    for (int reused = 0; reused < 2; reused++) {
        seen.veto_send = true;
        run(c, &r);
        assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
        assert_false(seen.maybe_sent);
        assert_non_null(strstr(seen.detail, "last check"));
        seen.veto_send = false;
        run(c, &r); // and leave a connection to be reused
        assert_int_equal(seen.result, HTTP_RESULT_OK);
    }
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 2);
}

static void refused_request(struct http_client *c, const struct http_request *r, const char *word)
{
    unsigned sends = seen.sends, allow_calls = seen.allow_calls;
    run(c, r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, sends);
    assert_int_equal(seen.allow_calls, allow_calls); // not even a socket
    if (strstr(seen.detail, word) == NULL)
        fail_msg("no '%s' in: %s", word, seen.detail);
}

static void header_injection_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"X-A: 1\r\nX-B: 2",
                                      "X-A: 1\nX-B: 2",
                                      "X-A: 1\r",
                                      "X A: 1",
                                      "no colon",
                                      ": empty",
                                      "X-A\r\n: 1",
                                      "X-A: \x01",
                                      "Host: evil",
                                      "host: evil",
                                      "Content-Length: 5",
                                      "Transfer-Encoding: chunked",
                                      "Expect: 100-continue",
                                      "Connection: close"};
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_request r = request_to(s.port, "GET", "/", NULL);
        r.headers = &bad[i];
        r.header_count = 1;
        refused_request(c, &r, "header");
    }
    char endless[9000];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "X-A: ", 5);
    endless[sizeof endless - 1] = '\0';
    const char *line = endless;
    struct http_request r = request_to(s.port, "GET", "/", NULL);
    r.headers = &line;
    r.header_count = 1;
    refused_request(c, &r, "longer than 8192");
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.connections, 0);
}

static void odd_requests_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"", "x", "/a b", "/a\r\nX: 1", "/a#b", "/\xc3\xa9", "http://other/", "/\x7f"};
    static const char *const hosts[] = {"", "u@127.0.0.1", "127.0.0.1:80", "a b", "127.0.0.1/", "[::1]", "a%20b"};
    static const char *const methods[] = {"", "get", "GET /x HTTP/1.1\r\n", "G T"};
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct http_request r = request_to(1, "GET", targets[i], NULL);
        refused_request(c, &r, "target");
    }
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_request r = request_to(1, "GET", "/", NULL);
        r.host = hosts[i];
        refused_request(c, &r, "host");
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct http_request r = request_to(1, methods[i], "/", NULL);
        refused_request(c, &r, "method");
    }
    struct http_request r = request_to(70000, "GET", "/", NULL);
    refused_request(c, &r, "port");
    r = request_to(1, "GET", "/", NULL);
    r.scheme = "ftp";
    refused_request(c, &r, "https");
    http_client_free(c);
}

static void plain_http_stays_on_this_machine(void **state)
{
    (void)state;
    static const char *const hosts[] = {"192.0.2.1",   "10.0.0.1",  "paper-api.alpaca.markets",
                                        "2001:db8::1", "128.0.0.1", "::ffff:192.0.2.1"};
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_request r = request_to(80, "GET", "/", NULL);
        r.host = hosts[i];
        refused_request(c, &r, "this machine only");
    }
    http_client_free(c);
    struct http_client_params p = {.loop = loop, .answer_max = 100, .max_connections = 1};
    c = http_client_new(&p); // without allow_loopback_http
    struct http_request r = request_to(80, "GET", "/", NULL);
    refused_request(c, &r, "not allowed");
    http_client_free(c);
}

// A server whose certificate nobody vouches for: the handshake ends it, the request never leaves.
static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/hct.XXXXXX", command[900], line[200];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 2 -subj /CN=127.0.0.1 "
             "-addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1",
             folder);
    bool have = system(command) == 0;
    int port = 0, out[2];
    pid_t pid = -1;
    assert_int_equal(pipe(out), 0);
    if (have && (pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nobody behind
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        if (chdir(folder) == 0)
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", "k", "-cert", "c", "-www",
                   (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    while (have && port == 0 && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strrchr(line, ':');
        if (str_starts(line, "ACCEPT") && colon != NULL)
            port = atoi(colon + 1);
    }
    struct http_client *c = client();
    if (port != 0) {
        struct http_request r = request_to(port, "POST", "/v2/orders", "{}");
        r.scheme = "https";
        run(c, &r);
        assert_int_equal(seen.allow_calls, 1);
    }
    http_client_free(c);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    fclose(f);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (port == 0)
        skip();
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, 0);
    assert_non_null(strstr(seen.detail, "certificate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_sent_nothing),
        cmocka_unit_test(allow_peer_vetoes),
        cmocka_unit_test(before_send_vetoes),
        cmocka_unit_test(header_injection_is_refused),
        cmocka_unit_test(odd_requests_are_refused),
        cmocka_unit_test(plain_http_stays_on_this_machine),
        cmocka_unit_test(an_unknown_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
