// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// An address with several hosts: dead and silent ones are passed over, and so is one that cannot be written to. Run
// from the root of the tree.
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/pg_client_rig.h"

static const struct pg_statement where_am_i = {"where", "SELECT current_setting('unix_socket_directories')"};
static const struct pg_statement read_only_from_now = {"read_only",
                                                       "ALTER SYSTEM SET default_transaction_read_only = on"};
static const struct pg_statement writable_again = {"writable", "ALTER SYSTEM RESET default_transaction_read_only"};
static const struct pg_statement reload = {"reload", "SELECT pg_reload_conf()"};
static char second[64]; // folder of another server

static void tool_at(const char *verb, const char *where)
{
    char command[200];
    snprintf(command, sizeof command, "%s %s %s >/dev/null", TOOL, verb, where);
    assert_int_equal(system(command), 0);
}

static int start_both(void **state)
{
    str_copy_cut(second, sizeof second, "/tmp/pgd.XXXXXX");
    assert_non_null(mkdtemp(second));
    tool_at("start", second);
    return start_server(state);
}

static int stop_both(void **state)
{
    tool_at("stop", second);
    rmdir(second);
    return stop_server(state);
}

static struct pg_client *client_at(const char *address, int64_t connect_ms)
{
    memset(&seen, 0, sizeof seen);
    return pg_client_new(&(struct pg_client_params){.loop = loop,
                                                    .dsn = address,
                                                    .application_name = "test",
                                                    .connect_timeout_ms = connect_ms,
                                                    .batch_timeout_ms = 5000,
                                                    .queue_max = 50});
}

static void assert_at(struct pg_client *c, const char *where)
{
    char expected[80];
    wait_for(is_up, c);
    snprintf(expected, sizeof expected, "%s/pg", where);
    assert_string_equal(ask(c, &where_am_i, NULL), expected);
}

// Both ways to write it. The first is not there.
static void a_dead_host_is_passed_over(void **state)
{
    (void)state;
    char address[300];
    snprintf(address, sizeof address, "host=/tmp/no-such-folder,%s/pg user=paperguard dbname=paperguard", folder);
    struct pg_client *c = client_at(address, 3000);
    assert_at(c, folder);
    pg_client_free(c);
    snprintf(address, sizeof address, "postgresql://paperguard@127.0.0.1:1,%%2Ftmp%%2F%s%%2Fpg:5432/paperguard",
             folder + strlen("/tmp/"));
    c = client_at(address, 3000);
    assert_at(c, folder);
    pg_client_free(c);
}

static void a_silent_host_is_passed_over(void **state)
{
    (void)state;
    char path[120], address[300];
    snprintf(path, sizeof path, "%s/.s.PGSQL.5432", second);
    snprintf(address, sizeof address, "host=%s,%s/pg user=paperguard dbname=paperguard", second, folder);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    str_copy_cut(un.sun_path, sizeof un.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 5), 0);
    struct pg_client *c = client_at(address, 200);
    assert_at(c, folder);
    pg_client_free(c);
    close(fd);
    unlink(path);
}

static void is_read_only_from_now(const char *dsn_of, const struct pg_statement *change)
{
    struct pg_client *c = client_at(dsn_of, 3000);
    wait_for(is_up, c);
    ask(c, change, NULL);
    ask(c, &reload, NULL);
    pg_client_free(c);
}

static bool tells_read_only(void *arg)
{
    return strstr(pg_client_detail(arg), "read-only") != NULL;
}

// What a hot standby looks like. One host alone is connected to whatever it is: the ledger says what is wrong with it.
static void one_that_cannot_be_written_to_is_passed_over(void **state)
{
    (void)state;
    char both[300], alone[256], same[300];
    snprintf(both, sizeof both, "host=%s/pg,%s/pg user=paperguard dbname=paperguard", folder, second);
    snprintf(same, sizeof same, "host=%s/pg,/tmp/no-such-folder user=paperguard dbname=paperguard", folder);
    snprintf(alone, sizeof alone, "%s", dsn);
    struct pg_client *c = client_at(both, 3000);
    assert_at(c, folder);
    is_read_only_from_now(alone, &read_only_from_now);
    pg_client_free(c);
    c = client_at(both, 3000);
    assert_at(c, second);
    pg_client_free(c);
    c = client_at(same, 3000);
    wait_for(tells_read_only, c);
    assert_int_not_equal(pg_client_state(c), PG_UP);
    pg_client_free(c);
    c = client_at(alone, 3000);
    assert_at(c, folder);
    pg_client_free(c);
    is_read_only_from_now(alone, &writable_again);
}

static bool is_not_up(void *arg)
{
    return pg_client_state(arg) != PG_UP;
}

static void a_server_that_dies_is_replaced(void **state)
{
    (void)state;
    char both[300];
    snprintf(both, sizeof both, "host=%s/pg,%s/pg user=paperguard dbname=paperguard", second, folder);
    struct pg_client *c = client_at(both, 3000);
    assert_at(c, second);
    tool_at("crash", second);
    wait_for(is_not_up, c);
    seen.count = 0;
    assert_at(c, folder);
    pg_client_free(c);
    tool_at("start", second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_host_is_passed_over),
        cmocka_unit_test(a_silent_host_is_passed_over),
        cmocka_unit_test(one_that_cannot_be_written_to_is_passed_over),
        cmocka_unit_test(a_server_that_dies_is_replaced),
    };
    return cmocka_run_group_tests(tests, start_both, stop_both);
}
