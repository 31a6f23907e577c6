// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a program may do once it runs, enforced by the kernel and by no privilege of ours (the only door to libseccomp):
//   system calls  a list of allowed ones; sockets, tracing, namespaces, mounts, keys and io_uring are not on it
//   files         (Landlock) reads below the system's program folders and what is named, writes below what is named
//   others        (Landlock, Linux 6.12 on) no signal to a process outside, no abstract socket, no TCP
// The list of calls is made once, before any order: libseccomp, out of memory, crashes or never returns (2.5.4).
// Made before a fork, entered between fork and execve, inherited by whatever the program starts, never taken off.
#ifndef PAPERGUARD_IO_SANDBOX_H
#define PAPERGUARD_IO_SANDBOX_H

#include <stdbool.h>

#include "lib/base/err.h"

struct sandbox;
struct sandbox_filter; // the system calls, for any number of sandboxes

// shares_user: others than the program run as its user: their files' modes and owners are to be kept. NULL with err.
struct sandbox_filter *sandbox_filter_new(bool shares_user, struct err *err) MUST_CHECK;
void sandbox_filter_free(struct sandbox_filter *f); // NULL is fine

struct sandbox_params {
    const struct sandbox_filter *filter; // borrowed for as long as the sandbox is there
    // NULL-terminated, absolute; files or folders with all that is below them. One that does not exist is an error.
    const char *const *read;  // read and execute
    const char *const *write; // and write
};

// NULL with err.
struct sandbox *sandbox_new(const struct sandbox_params *params, struct err *err) MUST_CHECK;
void sandbox_free(struct sandbox *s); // NULL is fine
// 0: this kernel has no Landlock, and files are confined by user and mode alone.
int sandbox_landlock_abi(void);
#define SANDBOX_ABI_SIGNALS 6 // from here on, signals are confined too

// In the child: system calls only. Needs no_new_privs. false with errno.
bool sandbox_enter(const struct sandbox *s) MUST_CHECK;

#endif
