// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Both walls are built here, in the parent, where memory may be taken: the filter as a program, the files as a ruleset.
// The child only hands them to the kernel.
#include "lib/io/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/io/sandbox_calls.h"

#define FILTER_MAX 4096  // instructions: the kernel's bound
#define CALLS_MAX 600    // numbers looked at for a name
#define FIRST_FREE_FD 16 // below it the child puts its own
#define NAMESPACES                                                                                                     \
    (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct sandbox_filter {
    struct sock_filter program[FILTER_MAX];
    unsigned short len;
};

struct sandbox {
    const struct sandbox_filter *filter;
    int ruleset; // -1: no Landlock here
};

// ---- system calls

static bool in_list(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

// The rest of these ends as what is unknown does: a rule with a condition leaves none for a second answer.
static int add_on_itself(scmp_filter_ctx ctx, int number)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, 0));
}

// Refused calls by name, so that a program learns that it may not rather than that the kernel is old.
static int add_call(scmp_filter_ctx ctx, int number, bool shares_user)
{
    static const char *const allowed[] = {SANDBOX_ALLOWED}, *const tried[] = {SANDBOX_TRIED};
    static const char *const itself[] = {SANDBOX_ON_ITSELF}, *const own_user[] = {SANDBOX_OWN_USER};
    static const char *const special[] = {"clone", "socketpair", "personality", "setpriority"};
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    int rc = 0;
    if (name &&
        (in_list(name, allowed, ARRAY_LEN(allowed)) || (!shares_user && in_list(name, own_user, ARRAY_LEN(own_user)))))
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0);
    else if (name && in_list(name, itself, ARRAY_LEN(itself)))
        rc = add_on_itself(ctx, number);
    else if (name && strcmp(name, "utimensat") == 0) // what is open: no path
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, SCMP_A1(SCMP_CMP_EQ, 0, 0));
    else if (name && !in_list(name, tried, ARRAY_LEN(tried)) && !in_list(name, special, ARRAY_LEN(special)))
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0);
    free(name);
    return rc;
}

static int add_special(scmp_filter_ctx ctx)
{
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
    if (rc == 0) // asks only
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, 0xffffffff));
    if (rc == 0) // PRIO_PROCESS of the caller
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, 0),
                              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, 0));
    if (rc == 0) // a stream pair is connected for ever: it reaches nobody else
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_UNIX),
                              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
    return rc;
}

static int filter_export(scmp_filter_ctx ctx, struct sandbox_filter *f)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = seccomp_export_bpf(ctx, fd);
    ssize_t n = rc == 0 ? pread(fd, f->program, sizeof f->program, 0) : 0;
    close(fd);
    if (rc == 0 && (n <= 0 || n % (ssize_t)sizeof f->program[0] != 0 || n == (ssize_t)sizeof f->program))
        rc = -E2BIG;
    f->len = (unsigned short)((size_t)(n > 0 ? n : 0) / sizeof f->program[0]);
    return rc;
}

struct sandbox_filter *sandbox_filter_new(bool shares_user, struct err *err)
{
    struct sandbox_filter *f = check_alloc(1, sizeof *f);
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) : -ENOMEM;
    for (int number = 0; rc == 0 && number < CALLS_MAX; number++)
        rc = add_call(ctx, number, shares_user);
    if (rc == 0)
        rc = add_special(ctx);
    if (rc == 0)
        rc = filter_export(ctx, f);
    seccomp_release(ctx);
    if (rc == 0)
        return f;
    sandbox_filter_free(f);
    err_set(err, "the filter of system calls cannot be built: %s", strerror(-rc));
    return NULL;
}

void sandbox_filter_free(struct sandbox_filter *f)
{
    free(f);
}

// ---- files

// Of headers newer than Debian 12's.
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_TCP (UINT64_C(3))
#define SCOPE_ALL (UINT64_C(3)) // abstract sockets, signals
struct ruleset_attr {
    uint64_t fs, net, scoped;
};

#define FS_FILE_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define FS_READ (FS_FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_FILE_WRITE (FS_FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_ABI_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_WRITE                                                                                                       \
    (FS_READ | FS_FILE_WRITE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                        \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                        \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static struct ruleset_attr handled(int abi)
{
    return (struct ruleset_attr){
        .fs = FS_ABI_1 | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
              (abi >= 5 ? FS_IOCTL_DEV : 0),
        .net = abi >= 4 ? NET_TCP : 0,
        .scoped = abi >= SANDBOX_ABI_SIGNALS ? SCOPE_ALL : 0,
    };
}

static int rule_add(const struct sandbox *s, const char *path, bool write, bool may_miss, struct err *err)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && may_miss)
        return 0;
    int rc = fd < 0 ? -1 : fstat(fd, &st);
    if (rc == 0) {
        bool folder = S_ISDIR(st.st_mode);
        uint64_t access = write ? (folder ? FS_WRITE : FS_FILE_WRITE) : folder ? FS_READ : FS_FILE_READ;
        struct landlock_path_beneath_attr rule = {.allowed_access = access & handled(sandbox_landlock_abi()).fs,
                                                  .parent_fd = fd};
        rc = (int)syscall(SYS_landlock_add_rule, s->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    if (rc != 0)
        err_set(err, "%s cannot be opened to the strategy: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

// What every program needs; nothing of it is anybody's secret. /etc is not here: configurations and keys live in it.
static const char *const system_read[] = {"/usr",
                                          "/bin",
                                          "/sbin",
                                          "/lib",
                                          "/lib32",
                                          "/lib64",
                                          "/libx32",
                                          "/proc", // what concerns others in it asks for the right to trace them
                                          "/sys/devices/system",
                                          "/sys/fs/cgroup",
                                          "/sys/kernel/mm",
                                          "/etc/ld.so.cache",
                                          "/etc/ld.so.conf",
                                          "/etc/ld.so.conf.d",
                                          "/etc/localtime",
                                          "/etc/timezone",
                                          "/etc/nsswitch.conf",
                                          "/etc/passwd",
                                          "/etc/group",
                                          "/etc/alternatives",
                                          "/etc/mime.types",
                                          "/etc/ssl/openssl.cnf",
                                          "/etc/ssl/certs"};
static const char *const system_write[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
static const char *const languages[] = {"python", "perl", "java", "R", "julia", "octave", "lua"};

// Folders of languages in /etc, whatever version is in their name.
static int languages_add(const struct sandbox *s, struct err *err)
{
    DIR *etc = opendir("/etc");
    int rc = 0;
    const struct dirent *e;
    while (etc && rc == 0 && (e = readdir(etc)) != NULL) {
        char path[300];
        size_t i = 0;
        while (i < ARRAY_LEN(languages) && !str_starts(e->d_name, languages[i]))
            i++;
        const char *rest = i < ARRAY_LEN(languages) ? e->d_name + strlen(languages[i]) : "?";
        if (rest[strspn(rest, "0123456789.-openjdk")] != '\0') // python3.11, java-17-openjdk, R
            continue;
        snprintf(path, sizeof path, "/etc/%s", e->d_name);
        rc = rule_add(s, path, false, true, err);
    }
    if (etc)
        closedir(etc);
    return rc;
}

static int rules_add(const struct sandbox *s, const char *const *paths, size_t count, bool write, bool may_miss,
                     struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (rule_add(s, paths[i], write, may_miss, err) != 0)
            return -1;
    return 0;
}

static size_t length(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static int ruleset_build(struct sandbox *s, const struct sandbox_params *p, struct err *err)
{
    int abi = sandbox_landlock_abi();
    if (abi == 0)
        return 0;
    struct ruleset_attr attr = handled(abi);
    size_t size = abi >= SANDBOX_ABI_SIGNALS ? sizeof attr : abi >= 4 ? 2 * sizeof attr.fs : sizeof attr.fs;
    int low = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    s->ruleset = fcntl(low, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (low >= 0)
        close(low);
    if (s->ruleset < 0)
        return err_set(err, "the rules for files cannot be made: %s", strerror(errno));
    return rules_add(s, system_read, ARRAY_LEN(system_read), false, true, err) != 0 ||
                   rules_add(s, system_write, ARRAY_LEN(system_write), true, true, err) != 0 ||
                   languages_add(s, err) != 0 || rules_add(s, p->read, length(p->read), false, false, err) != 0 ||
                   rules_add(s, p->write, length(p->write), true, false, err) != 0
               ? -1
               : 0;
}

struct sandbox *sandbox_new(const struct sandbox_params *params, struct err *err)
{
    struct sandbox *s = check_alloc(1, sizeof *s);
    s->filter = params->filter;
    s->ruleset = -1;
    if (ruleset_build(s, params, err) == 0)
        return s;
    sandbox_free(s);
    return NULL;
}

void sandbox_free(struct sandbox *s)
{
    if (!s)
        return;
    if (s->ruleset >= 0)
        close(s->ruleset);
    free(s);
}

bool sandbox_enter(const struct sandbox *s)
{
    struct sock_fprog program = {.len = s->filter->len, .filter = (struct sock_filter *)s->filter->program};
    if (s->ruleset >= 0 && syscall(SYS_landlock_restrict_self, s->ruleset, 0) != 0)
        return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
