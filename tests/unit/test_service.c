// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The service manager's door against a made-up manager: a datagram socket that plays NOTIFY_SOCKET, another that plays
// the journal, pipes that play stderr.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/log_sink.h"
#include "lib/io/service.h"

struct peer { // the other end of a datagram socket
    char folder[64], path[96];
    int fd;
    char last[70000];
    ssize_t len;
};

static void peer_open(struct peer *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/paperguard-service-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/socket", p->folder);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    assert_true(str_copy(a.sun_path, sizeof a.sun_path, p->path));
    p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(p->fd >= 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
}

static const char *peer_next(struct peer *p)
{
    p->len = recv(p->fd, p->last, sizeof p->last - 1, 0);
    if (p->len < 0)
        return NULL;
    p->last[p->len] = '\0';
    return p->last;
}

static void peer_close(struct peer *p)
{
    close(p->fd);
    unlink(p->path);
    rmdir(p->folder);
}

static void without_a_manager_everything_is_quiet(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(service_managed());
    service_ready();
    service_status("quiet");
    service_reloading();
    service_watchdog_ping();
    service_extend_timeout(5);
    service_stopping();
    assert_int_equal(service_watchdog_ms(), 0);
    assert_null(service_credentials_directory());
    int fds[2];
    const char *names[2];
    assert_int_equal(service_listen_fds(fds, names, 2), 0);
}

static void notices_reach_the_manager(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    setenv("NOTIFY_SOCKET", p.path, 1);
    assert_true(service_managed());
    service_ready();
    assert_string_equal(peer_next(&p), "READY=1\n");
    service_status("waiting for the broker\nREADY=1");
    assert_string_equal(peer_next(&p), "STATUS=waiting for the broker READY=1\n"); // no second assignment sneaks in
    int64_t before = clock_monotonic_ns() / 1000;
    long long usec;
    service_reloading();
    assert_int_equal(sscanf(peer_next(&p), "RELOADING=1\nMONOTONIC_USEC=%lld\n", &usec), 1);
    assert_true(usec >= before && usec <= clock_monotonic_ns() / 1000);
    service_watchdog_ping();
    assert_string_equal(peer_next(&p), "WATCHDOG=1\n");
    service_extend_timeout(1500);
    assert_string_equal(peer_next(&p), "EXTEND_TIMEOUT_USEC=1500000\n");
    service_stopping();
    assert_string_equal(peer_next(&p), "STOPPING=1\n");
    assert_null(peer_next(&p));
    unsetenv("NOTIFY_SOCKET");
    peer_close(&p);
}

static void an_abstract_manager_is_reached_too(void **state)
{
    (void)state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct peer p = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    char name[64];
    snprintf(name, sizeof name, "@paperguard-test-%d", (int)getpid());
    memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(p.fd, (struct sockaddr *)&a, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    service_ready();
    assert_string_equal(peer_next(&p), "READY=1\n");
    unsetenv("NOTIFY_SOCKET");
    close(p.fd);
}

static void a_state_the_manager_could_not_take_comes_with_the_next_notice(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    setenv("NOTIFY_SOCKET", p.path, 1);
    int pings = 0;
    for (; pings < 100000; pings++) { // until its queue is full; nothing may block here
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        assert_true(str_copy(a.sun_path, sizeof a.sun_path, p.path));
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        ssize_t n = sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a);
        close(fd);
        if (n < 0)
            break;
    }
    assert_true(pings < 100000);
    service_ready();
    service_watchdog_ping();
    while (peer_next(&p) != NULL)
        assert_string_equal(p.last, "x");
    service_watchdog_ping();
    assert_string_equal(peer_next(&p), "READY=1\n");
    assert_string_equal(peer_next(&p), "WATCHDOG=1\n");
    assert_null(peer_next(&p));
    unsetenv("NOTIFY_SOCKET");
    peer_close(&p);
}

static void the_watchdog_is_pinged_at_half_its_time(void **state)
{
    (void)state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "30000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(service_watchdog_ms(), 15000);
    setenv("WATCHDOG_PID", "1", 1); // meant for somebody else
    assert_int_equal(service_watchdog_ms(), 0);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void the_credentials_directory_must_be_absolute(void **state)
{
    (void)state;
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/paperguardd.service", 1);
    assert_string_equal(service_credentials_directory(), "/run/credentials/paperguardd.service");
    setenv("CREDENTIALS_DIRECTORY", "here", 1);
    assert_null(service_credentials_directory());
    setenv("CREDENTIALS_DIRECTORY", "", 1);
    assert_null(service_credentials_directory());
    unsetenv("CREDENTIALS_DIRECTORY");
}

// In a process of its own, since inherited sockets begin at descriptor 3. The answer is its exit status.
static int listen_fds_check(void)
{
    int pair[2], fds[4];
    const char *names[4];
    char pid[16];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || dup2(pair[0], 20) < 0 || dup2(20, 3) < 0 || dup2(20, 4) < 0)
        return 1;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "api:admin", 1);
    if (service_listen_fds(fds, names, 4) != 2 || fds[0] != 3 || fds[1] != 4 || strcmp(names[0], "api") != 0 ||
        strcmp(names[1], "admin") != 0)
        return 2;
    if (service_listen_fds(fds, names, 4) != 2 || strcmp(names[1], "admin") != 0) // asking twice is fine
        return 3;
    if ((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
        return 4;
    if (service_listen_fds(fds, names, 1) != -1 || errno != E2BIG)
        return 5;
    setenv("LISTEN_FDS", "two", 1);
    if (service_listen_fds(fds, names, 4) != -1 || errno != EINVAL)
        return 6;
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_PID", "1", 1);
    return service_listen_fds(fds, names, 4) == 0 ? 0 : 7;
}

static void inherited_sockets_come_with_their_names(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(listen_fds_check());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// ---- the journal
// -------------------------------------------------------------------------------------------------------

static const struct log_field fixed[] = {{"ENVIRONMENT", "staging"}, {"DRY_RUN", "true"}, {"PROFILE", NULL}};

static void the_journal_gets_fields(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    struct log_sink *s = log_sink_journal(p.path, "paperguardd", fixed, 3);
    assert_non_null(s);
    const struct log_field fields[] = {{"RUN_ID", "7"}, {"SYMBOL", NULL}, {"REASON", "a=b c"}};
    log_sink_write(s, LOG_LEVEL_WARNING, "0123456789abcdef0123456789abcdef", "sent 3 orders", fields, 3);
    assert_string_equal(peer_next(&p),
                        "PRIORITY=4\nSYSLOG_IDENTIFIER=paperguardd\nMESSAGE=sent 3 orders\n"
                        "MESSAGE_ID=0123456789abcdef0123456789abcdef\nENVIRONMENT=staging\nDRY_RUN=true\n"
                        "RUN_ID=7\nREASON=a=b c\n");
    log_sink_free(s);
    peer_close(&p);
}

static void a_value_with_a_newline_adds_no_field(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    struct log_sink *s = log_sink_journal(p.path, "pg", NULL, 0);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "a\nPRIORITY=0", NULL, 0);
    assert_non_null(peer_next(&p));
    static const char want[] = "PRIORITY=6\nSYSLOG_IDENTIFIER=pg\nMESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n";
    assert_int_equal(p.len, sizeof want - 1);
    assert_memory_equal(p.last, want, sizeof want - 1);
    log_sink_free(s);
    peer_close(&p);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    struct peer p;
    char message[20001];
    peer_open(&p);
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(message + i, "\xc3\xa9", 2);
    message[0] = 'e'; // shifts the pairs, so that the bound falls into one
    message[1] = 'x';
    memmove(message + 1, message + 2, 19998);
    message[19999] = '\0';
    struct log_sink *s = log_sink_journal(p.path, "pg", NULL, 0);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, message, NULL, 0);
    assert_non_null(peer_next(&p));
    char *value = strstr(p.last, "MESSAGE=") + 8;
    assert_int_equal(strcspn(value, "\n"), 8191); // 8192 would end within a character
    log_sink_free(s);
    peer_close(&p);
}

static void a_journal_that_lags_or_is_away_loses_lines_and_nothing_else(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    struct log_sink *s = log_sink_journal(p.path, "pg", NULL, 0);
    int sent = 0;
    while (log_sink_dropped(s) == 0 && sent < 100000) {
        log_sink_write(s, LOG_LEVEL_INFO, NULL, "line", NULL, 0);
        sent++;
    }
    assert_int_equal(log_sink_dropped(s), 1);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "line", NULL, 0);
    assert_int_equal(log_sink_dropped(s), 2);
    assert_int_equal(log_sink_behind(s), 2);
    int got = 0;
    while (peer_next(&p) != NULL)
        got++;
    assert_int_equal(got, sent - 1);
    assert_int_equal(log_sink_behind(s), 0); // asking tells it
    assert_non_null(strstr(peer_next(&p), "MESSAGE=2 log lines were dropped before this one"));
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "after", NULL, 0);
    assert_non_null(strstr(peer_next(&p), "MESSAGE=after\n"));
    peer_close(&p);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "to nobody", NULL, 0);
    assert_int_equal(log_sink_dropped(s), 3);
    log_sink_free(s);
}

// ---- lines
// -------------------------------------------------------------------------------------------------------------

static size_t pipe_take(int fd, char *out, size_t size)
{
    ssize_t n = read(fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static void lines_have_time_level_message_and_fields(void **state)
{
    (void)state;
    int ends[2];
    char line[8192];
    assert_int_equal(pipe(ends), 0);
    struct log_sink *s = log_sink_lines(ends[1], fixed, 3);
    const struct log_field fields[] = {{"RUN_ID", "7"}, {"SYMBOL", NULL}, {"REASON", "two words"}, {"EMPTY", ""}};
    log_sink_write(s, LOG_LEVEL_NOTICE, "0123456789abcdef0123456789abcdef", "sent", fields, 4);
    pipe_take(ends[0], line, sizeof line);
    int year, month, day, hour, minute, second, ms, at = 0;
    assert_int_equal(
        sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &ms, &at), 7);
    assert_int_equal(at, 25);
    assert_string_equal(line + at,
                        "notice sent ENVIRONMENT=staging DRY_RUN=true RUN_ID=7 REASON=\"two words\" EMPTY=\"\"\n");
    log_sink_free(s);
    close(ends[0]);
    close(ends[1]);
}

static void a_line_stays_one_line(void **state)
{
    (void)state;
    int ends[2];
    char line[8192];
    assert_int_equal(pipe(ends), 0);
    struct log_sink *s = log_sink_lines(ends[1], NULL, 0);
    const struct log_field fields[] = {{"REASON", "x\ny\x1b[2J"}};
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "first\nsecond\r\tthird", fields, 1);
    pipe_take(ends[0], line, sizeof line);
    assert_string_equal(line + 25, "info first\\nsecond\\x0d third REASON=\"x\\ny\\x1b[2J\"\n");
    log_sink_free(s);
    close(ends[0]);
    close(ends[1]);
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    int ends[2];
    char line[16384], message[6000];
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    const struct log_field fields[] = {{"A", message}, {"B", message}, {"C", message}, {"D", message}};
    assert_int_equal(pipe(ends), 0);
    struct log_sink *s = log_sink_lines(ends[1], NULL, 0);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, message, fields, 4);
    size_t len = pipe_take(ends[0], line, sizeof line);
    assert_true(len > 2000 && len <= 4096);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    log_sink_free(s);
    close(ends[0]);
    close(ends[1]);
}

static void a_reader_that_sleeps_costs_lines_and_no_time(void **state)
{
    (void)state;
    int ends[2];
    static char all[1 << 20];
    assert_int_equal(pipe(ends), 0); // a blocking pipe, as stderr is
    struct log_sink *s = log_sink_lines(ends[1], NULL, 0);
    int sent = 0;
    while (log_sink_dropped(s) < 5 && sent < 100000) {
        log_sink_write(s, LOG_LEVEL_INFO, NULL, "line", NULL, 0);
        sent++;
    }
    assert_int_equal(log_sink_dropped(s), 5);
    pipe_take(ends[0], all, sizeof all);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "after", NULL, 0);
    pipe_take(ends[0], all, sizeof all);
    assert_non_null(strstr(all, " warning 5 log lines were dropped before this one"));
    assert_non_null(strstr(all, " info after\n"));
    close(ends[0]);
    log_sink_write(s, LOG_LEVEL_INFO, NULL, "nobody reads", NULL, 0); // and no signal
    assert_int_equal(log_sink_dropped(s), 6);
    log_sink_free(s);
    close(ends[1]);
}

// ---- which of the two
// --------------------------------------------------------------------------------------------------

static void log_open_and_write(const char *journal_stream, char *line, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    if (journal_stream != NULL)
        setenv("JOURNAL_STREAM", journal_stream, 1);
    service_log_open(fixed, 1);
    log_notice("hello");
    unsetenv("JOURNAL_STREAM");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pipe_take(ends[0], line, size);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    log_set_sink(NULL, NULL);
}

static void lines_go_to_stderr_unless_it_is_the_journals_stream(void **state)
{
    (void)state;
    char line[8192];
    log_open_and_write(NULL, line, sizeof line);
    assert_string_equal(line + 25, "notice hello ENVIRONMENT=staging\n");
    log_open_and_write("1:2", line, sizeof line); // redirected after the manager had set it
    assert_string_equal(line + 25, "notice hello ENVIRONMENT=staging\n");
    assert_int_equal(service_log_dropped(), 0);
}

static void a_journal_stream_is_left_alone(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDERR_FILENO);
    struct stat st;
    char stream[64], line[8192];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    service_log_open(NULL, 0);
    log_notice("a line of paperguard's unit tests for the journal");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(pipe_take(ends[0], line, sizeof line), 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    unsetenv("JOURNAL_STREAM");
    service_log_open(NULL, 0);
    log_set_sink(NULL, NULL);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_manager_everything_is_quiet),
        cmocka_unit_test(notices_reach_the_manager),
        cmocka_unit_test(an_abstract_manager_is_reached_too),
        cmocka_unit_test(a_state_the_manager_could_not_take_comes_with_the_next_notice),
        cmocka_unit_test(the_watchdog_is_pinged_at_half_its_time),
        cmocka_unit_test(the_credentials_directory_must_be_absolute),
        cmocka_unit_test(inherited_sockets_come_with_their_names),
        cmocka_unit_test(the_journal_gets_fields),
        cmocka_unit_test(a_value_with_a_newline_adds_no_field),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_journal_that_lags_or_is_away_loses_lines_and_nothing_else),
        cmocka_unit_test(lines_have_time_level_message_and_fields),
        cmocka_unit_test(a_line_stays_one_line),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(a_reader_that_sleeps_costs_lines_and_no_time),
        cmocka_unit_test(lines_go_to_stderr_unless_it_is_the_journals_stream),
        cmocka_unit_test(a_journal_stream_is_left_alone),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
