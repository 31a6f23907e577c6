// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to sandbox: the system calls a strategy may make, by name; those a machine does not have are passed over.
// Enough for the C library, shells, Python, Perl, Java and JavaScript with threads. Every other call that has a name is
// answered with EPERM; what is newer than libseccomp knows, and what libraries only try (SANDBOX_TRIED), with ENOSYS.
#ifndef PAPERGUARD_IO_SANDBOX_CALLS_H
#define PAPERGUARD_IO_SANDBOX_CALLS_H

#define SANDBOX_ALLOWED                                                                                                \
    /* processes and threads; clone without new namespaces is added by the code */                                     \
    "execve", "execveat", "exit", "exit_group", "fork", "vfork", "wait4", "waitid", "waitpid", "set_tid_address",      \
        "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "set_thread_area", "get_thread_area", "prctl",     \
        "getrlimit", "ugetrlimit", "setrlimit", "getrusage", "times", "getpid", "gettid", "getppid", "getpgid",        \
        "getpgrp", "getsid", "setpgid", "setsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",  \
        "getgroups", "capget", "umask", "uname", "sysinfo", "getcpu", "membarrier", "getpriority", "sched_yield",      \
        "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_getattr", "sched_get_priority_max",        \
        "sched_get_priority_min", "sched_rr_get_interval", "ioprio_get", "kill", "tkill", "tgkill", "rt_sigqueueinfo", \
        "rt_tgsigqueueinfo", /* signals */                                                                             \
        "rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigreturn",         \
        "sigreturn", "sigaltstack", "signalfd", "signalfd4", "pause", "restart_syscall", /* memory */                  \
        "brk", "mmap", "mmap2", "mprotect", "munmap", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2",      \
        "mlockall", "munlock", "munlockall", "mbind", "get_mempolicy", "set_mempolicy", "memfd_create", "pkey_alloc",  \
        "pkey_free", "pkey_mprotect", "futex", "futex_waitv", /* files */                                              \
        "open", "openat", "openat2", "creat", "close", "close_range", "read", "readv", "pread64", "preadv", "preadv2", \
        "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "_llseek", "dup", "dup2", "dup3", "fcntl",      \
        "fcntl64", "ioctl", "flock", "stat", "lstat", "fstat", "newfstatat", "fstatat64", "statx", "statfs",           \
        "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "chdir", "fchdir",         \
        "getdents", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",             \
        "renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "fchmod", "fchown", "truncate",     \
        "ftruncate", "fallocate", "fadvise64", "readahead", "sync_file_range", "fsync", "fdatasync",                   \
        "copy_file_range", "sendfile", "splice", "tee", "vmsplice", "getxattr", "lgetxattr", "fgetxattr", "listxattr", \
        "llistxattr", "flistxattr", "inotify_init", "inotify_init1", "inotify_add_watch",                              \
        "inotify_rm_watch", /* waiting */                                                                              \
        "poll", "ppoll", "select", "pselect6", "_newselect", "epoll_create", "epoll_create1", "epoll_ctl",             \
        "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "pipe", "pipe2", /* time */                \
        "clock_gettime", "clock_getres", "clock_nanosleep", "gettimeofday", "time", "nanosleep", "alarm", "getitimer", \
        "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",             \
        "timerfd_create", "timerfd_settime", "timerfd_gettime",                                                        \
        "getrandom", /* on pairs of connected stream sockets only: there is no other (socketpair is added by the code) \
                      */                                                                                               \
        "sendto", "recvfrom", "sendmsg", "recvmsg", "send", "recv", "shutdown", "getsockname", "getpeername",          \
        "getsockopt", "setsockopt"

// Allowed on the caller itself only (pid 0): whoever has our user could be meant otherwise, the daemon too.
#define SANDBOX_ON_ITSELF "prlimit64", "sched_setaffinity", "sched_setparam", "sched_setscheduler", "sched_setattr"

// By path they reach what Landlock does not look at; refused to a program that shares its user with others. What is
// open may still be changed by its descriptor.
#define SANDBOX_OWN_USER                                                                                               \
    "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat"

#define SANDBOX_TRIED "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "set_mempolicy_home_node"

#endif
