// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The sandbox from within: this program once more, as what is run, tries one thing and prints how it ended. Each thing
// is tried without the sandbox too, so that a refusal is known to be the sandbox's.
#include <linux/limits.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "tests/unit/child_run.h"

static char folder[] = "/tmp/paperguard-sandbox-XXXXXX"; // own/ may be written, secret may not be read
static struct sandbox_filter *filter;
static char self[PATH_MAX], self_folder[PATH_MAX];

// ---- within

static int result(long rc)
{
    return rc >= 0 ? 0 : errno;
}

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return result(fd);
}

static int try_signal(const char *pid)
{
    int64_t number;
    return str_int64(pid, 1, INT32_MAX, &number) ? result(kill((pid_t)number, 0)) : 999;
}

static int try_read_memory(const char *pid)
{
    char byte;
    int64_t number;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    return str_int64(pid, 1, INT32_MAX, &number) ? result(process_vm_readv((pid_t)number, &here, 1, &there, 1, 0))
                                                 : 999;
}

static int try_pair(int type)
{
    int ends[2];
    return result(socketpair(AF_UNIX, type, 0, ends));
}

static int try_limit(const char *pid)
{
    struct rlimit now;
    pid_t number = (pid_t)strtol(pid, NULL, 10);
    return result(prlimit(number, RLIMIT_CORE, NULL, &now)) ? errno : result(prlimit(number, RLIMIT_CORE, &now, NULL));
}

static int try_processors(const char *pid)
{
    cpu_set_t set;
    pid_t number = (pid_t)strtol(pid, NULL, 10);
    return result(sched_getaffinity(number, sizeof set, &set)) ? errno
                                                               : result(sched_setaffinity(number, sizeof set, &set));
}

static int try_one(const char *what, const char *on)
{
    if (str_equal(what, "tcp"))
        return result(socket(AF_INET, SOCK_STREAM, 0));
    if (str_equal(what, "udp6"))
        return result(socket(AF_INET6, SOCK_DGRAM, 0));
    if (str_equal(what, "unix"))
        return result(socket(AF_UNIX, SOCK_STREAM, 0));
    if (str_equal(what, "netlink"))
        return result(socket(AF_NETLINK, SOCK_RAW, 0));
    if (str_equal(what, "stream pair"))
        return try_pair(SOCK_STREAM | SOCK_CLOEXEC);
    if (str_equal(what, "datagram pair"))
        return try_pair(SOCK_DGRAM);
    if (str_equal(what, "read"))
        return try_open(on, O_RDONLY);
    if (str_equal(what, "write"))
        return try_open(on, O_WRONLY | O_CREAT);
    if (str_equal(what, "truncate"))
        return result(truncate(on, 0));
    if (str_equal(what, "remove"))
        return result(unlink(on));
    if (str_equal(what, "mode"))
        return result(chmod(on, 0666));
    if (str_equal(what, "mode at"))
        return result(fchmodat(AT_FDCWD, on, 0666, 0));
    if (str_equal(what, "owner"))
        return result(chown(on, geteuid(), (gid_t)-1));
    if (str_equal(what, "time"))
        return result(utimensat(AT_FDCWD, on, NULL, 0));
    if (str_equal(what, "open mode")) {
        int fd = open(on, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? errno : result(fchmod(fd, 0600)) ? errno : result(futimens(fd, NULL));
    }
    if (str_equal(what, "limit of"))
        return try_limit(on);
    if (str_equal(what, "priority of"))
        return result(setpriority(PRIO_PROCESS, (id_t)strtol(on, NULL, 10), 0));
    if (str_equal(what, "processors of"))
        return try_processors(on);
    if (str_equal(what, "folder"))
        return result(mkdir(on, 0700));
    if (str_equal(what, "execute"))
        return result(execl(on, on, (char *)NULL));
    if (str_equal(what, "signal"))
        return try_signal(on);
    if (str_equal(what, "memory"))
        return try_read_memory(on);
    if (str_equal(what, "trace"))
        return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    if (str_equal(what, "namespace"))
        return result(unshare(CLONE_NEWUTS));
    if (str_equal(what, "clone"))
        return result(syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, 0));
    if (str_equal(what, "io_uring"))
        return result(syscall(SYS_io_uring_setup, 1, NULL));
    if (str_equal(what, "keys"))
        return result(syscall(SYS_keyctl, 0, -3, 0));
    if (str_equal(what, "fork")) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        return result(pid) ? errno : result(waitpid(pid, NULL, 0));
    }
    return 998;
}

// ---- from outside

static int tried(const char *what, const char *on, bool boxed)
{
    struct run r;
    struct err err = {.text = ""};
    char own[PATH_MAX];
    snprintf(own, sizeof own, "%s/own", folder);
    const char *read[] = {self_folder, NULL}, *write[] = {own, NULL};
    struct sandbox *box = boxed ? sandbox_new(&(struct sandbox_params){filter, read, write}, &err) : NULL;
    if (boxed && !box)
        fail_msg("%s", err.text);
    run_open(&r, self, NULL);
    r.argv[1] = what;
    r.argv[2] = on;
    r.envp[1] = "ASAN_OPTIONS=detect_leaks=0"; // a sanitizer's look for leaks traces, which the sandbox refuses
    r.params.sandbox = box;
    run_until_done(&r);
    int64_t number = -1;
    if (r.result != CHILD_EXITED || r.status != 0 || !str_int64(r.output, 0, 1000, &number))
        fail_msg("%s %s: %s, said %s", what, on ? on : "", r.detail, r.output);
    run_close(&r);
    sandbox_free(box);
    return (int)number;
}

static void expect(const char *what, const char *on, int error)
{
    assert_int_equal(tried(what, on, false), 0);
    int found = tried(what, on, true);
    if (found != error)
        fail_msg("%s %s: %s, expected %s", what, on ? on : "", strerror(found), strerror(error));
}

static char *in_folder(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void no_socket_but_a_connected_pair(void **state)
{
    (void)state;
    expect("tcp", NULL, EPERM);
    expect("udp6", NULL, EPERM);
    expect("unix", NULL, EPERM);
    expect("netlink", NULL, EPERM);
    expect("stream pair", NULL, 0);
    expect("datagram pair", NULL, ENOSYS);
}

static void no_window_into_others(void **state)
{
    (void)state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    expect("trace", NULL, EPERM);
    int found = tried("memory", pid, true);
    assert_true(tried("memory", pid, false) == EFAULT || found == EPERM); // EFAULT: it got as far as our memory
    assert_int_equal(found, EPERM);
    if (sandbox_landlock_abi() >= SANDBOX_ABI_SIGNALS)
        expect("signal", pid, EPERM);
}

// What one user's processes may do to each other without tracing.
static void no_hand_on_others(void **state)
{
    (void)state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    expect("limit of", pid, ENOSYS);
    expect("priority of", pid, ENOSYS);
    expect("processors of", pid, ENOSYS);
    expect("limit of", "0", 0);
    expect("priority of", "0", 0);
    expect("processors of", "0", 0);
}

// Landlock does not look at these.
static void modes_and_owners_by_path_are_kept(void **state)
{
    (void)state;
    expect("mode", in_folder("secret"), EPERM);
    expect("mode at", in_folder("secret"), EPERM);
    expect("owner", in_folder("secret"), EPERM);
    expect("time", in_folder("secret"), ENOSYS);
    expect("open mode", in_folder("own"), 0);
}

static void no_way_to_new_rights(void **state)
{
    (void)state;
    assert_int_equal(tried("clone", NULL, true), ENOSYS);
    assert_int_equal(tried("namespace", NULL, true), EPERM);
    assert_int_equal(tried("io_uring", NULL, true), ENOSYS);
    assert_int_equal(tried("keys", NULL, true), EPERM);
    expect("fork", NULL, 0);
}

static void files_outside_are_out_of_reach(void **state)
{
    (void)state;
    if (sandbox_landlock_abi() == 0)
        skip();
    expect("read", in_folder("secret"), EACCES);
    expect("write", in_folder("secret"), EACCES);
    expect("write", in_folder("new"), EACCES);
    assert_int_equal(tried("folder", in_folder("new folder"), true), EACCES);
    assert_int_equal(tried("read", "/etc/shadow", true), EACCES);
    expect("read", folder, EACCES);
    assert_int_equal(tried("remove", in_folder("secret"), true), EACCES);
    if (sandbox_landlock_abi() >= 3)
        assert_int_equal(tried("truncate", in_folder("secret"), true), EACCES);
    expect("write", "/dev/null", 0);
    expect("read", "/usr/lib", 0);
    expect("read", "/proc/self/status", 0);
    assert_int_equal(tried("write", "/usr/lib/paperguard-must-not-be", true), EACCES);
}

static void its_own_folder_is_its_own(void **state)
{
    (void)state;
    expect("write", in_folder("own/file"), 0);
    expect("read", in_folder("own/file"), 0);
    assert_int_equal(tried("folder", in_folder("own/below"), true), 0);
    assert_int_equal(tried("remove", in_folder("own/file"), true), 0);
}

static void the_memory_of_the_parent_has_no_file(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getpid());
    if (sandbox_landlock_abi() == 0)
        skip();
    if (geteuid() != 0) // CAP_PERFMON reads it all the same
        expect("read", path, EACCES);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getpid());
    assert_int_equal(tried("read", path, true), EACCES);
}

static void a_program_that_is_not_opened_to_it_does_not_start(void **state)
{
    (void)state;
    struct run r;
    struct err err;
    if (sandbox_landlock_abi() == 0)
        skip();
    struct sandbox *box = sandbox_new(&(struct sandbox_params){filter, NULL, NULL}, &err);
    assert_non_null(box);
    run_open(&r, self, NULL);
    r.argv[1] = "fork";
    r.params.sandbox = box;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_START_FAILED);
    assert_non_null(strstr(r.detail, "executing: Permission denied"));
    run_close(&r);
    sandbox_free(box);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    struct err err;
    const char *read[] = {"/nonexistent/folder", NULL};
    if (sandbox_landlock_abi() == 0)
        skip();
    assert_null(sandbox_new(&(struct sandbox_params){filter, read, NULL}, &err));
    assert_string_equal(err.text, "/nonexistent/folder cannot be opened to the strategy: No such file or directory");
}

// Interpreters, also those that compile as they run, with threads and children.
static void languages_run(void **state)
{
    (void)state;
    static const struct {
        const char *program, *option, *script, *says;
    } languages[] = {
        {"/bin/sh", "-c", "echo $(echo one | cat) >own.txt; cat own.txt", "one\n"},
        {"/usr/bin/python3", "-c",
         "import threading, subprocess, tempfile, json, decimal, ssl\n"
         "t = threading.Thread(target=lambda: print('one', flush=True)); t.start(); t.join()\n"
         "print(subprocess.run(['/bin/echo', 'two'], capture_output=True, text=True).stdout, end='')\n"
         "with tempfile.TemporaryFile() as f: f.write(b'x')\n",
         "one\ntwo\n"},
        {"/usr/bin/perl", "-e", "use POSIX; print `echo one`, POSIX::floor(2.5), \"\\n\"", "one\n2\n"},
        {"/usr/bin/node", "-e",
         "let s = 0; for (let i = 0; i < 1e6; i++) s += i % 7; new (require('worker_threads').Worker)"
         "('require(\"worker_threads\").parentPort.postMessage(1)', {eval: true}).on('message', m => console.log(s, "
         "m))",
         "2999997 1\n"},
        {"/usr/bin/java", "-version", NULL, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        struct run r;
        struct err err;
        char own[PATH_MAX];
        if (access(languages[i].program, X_OK) != 0)
            continue;
        snprintf(own, sizeof own, "%s/own", folder);
        const char *write[] = {own, NULL};
        struct sandbox *box = sandbox_new(&(struct sandbox_params){filter, NULL, write}, &err);
        assert_non_null(box);
        run_open(&r, languages[i].program, NULL);
        r.argv[1] = languages[i].option;
        r.argv[2] = languages[i].script;
        r.envp[1] = "TMPDIR=/proc/self/cwd";
        r.params.sandbox = box;
        r.params.directory = own;
        run_until_done(&r);
        if (r.status != 0 || !str_equal(r.output, languages[i].says))
            fail_msg("%s: %s: %s%s", languages[i].program, r.detail, r.output, r.log[0]);
        run_close(&r);
        sandbox_free(box);
    }
}

static int make_folder(void **state)
{
    (void)state;
    struct err err;
    filter = sandbox_filter_new(true, &err);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (!filter || n < 0 || !mkdtemp(folder) || mkdir(in_folder("own"), 0700) != 0)
        return -1;
    snprintf(self_folder, sizeof self_folder, "%s", self);
    *strrchr(self_folder, '/') = '\0';
    int fd = open(in_folder("secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : close(fd);
}

static int remove_folder(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/rm", NULL);
    r.argv[1] = "-rf";
    r.argv[2] = folder;
    run_until_done(&r);
    run_close(&r);
    sandbox_filter_free(filter);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        dprintf(STDOUT_FILENO, "%d", try_one(argv[1], argc > 2 ? argv[2] : NULL));
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_socket_but_a_connected_pair),
        cmocka_unit_test(no_window_into_others),
        cmocka_unit_test(no_hand_on_others),
        cmocka_unit_test(modes_and_owners_by_path_are_kept),
        cmocka_unit_test(no_way_to_new_rights),
        cmocka_unit_test(files_outside_are_out_of_reach),
        cmocka_unit_test(its_own_folder_is_its_own),
        cmocka_unit_test(the_memory_of_the_parent_has_no_file),
        cmocka_unit_test(a_program_that_is_not_opened_to_it_does_not_start),
        cmocka_unit_test(a_missing_folder_is_named),
        cmocka_unit_test(languages_run),
    };
    return cmocka_run_group_tests_name("sandbox", tests, make_folder, remove_folder);
}
