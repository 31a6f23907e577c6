// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Control groups: what is written where, in a folder of plain files; and that a child is in one, where there are any.
#include <linux/limits.h>
#include <mntent.h>

#include "tests/unit/child_run.h"

static char folder[] = "/tmp/paperguard-cgroup-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void assert_file(const char *name, const char *text)
{
    char found[64] = "";
    int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, found, sizeof found - 1) >= 0);
    close(fd);
    assert_string_equal(found, text);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && mkdir(in_folder("one"), 0700) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"one/memory.max", "one/memory.swap.max", "one/pids.max", "one/cgroup.procs"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(in_folder(names[i]));
    rmdir(in_folder("one"));
    return rmdir(folder);
}

static void a_bound_that_cannot_be_set_is_a_failure(void **state)
{
    (void)state;
    struct err err;
    char text[200];
    assert_null(cgroup_new(folder, "one", 4096, 7, &err));
    snprintf(text, sizeof text,
             "%s/one/memory.max cannot be set: No such file or directory (is its controller in the "
             "cgroup.subtree_control of the folder above?)",
             folder);
    assert_string_equal(err.text, text);
    assert_int_equal(mkdir(in_folder("one"), 0700), 0); // it was empty, and went
    make_file("one/memory.max");
    assert_null(cgroup_new(folder, "one", 4096, 7, &err));
    assert_non_null(strstr(err.text, "pids.max cannot be set"));
    make_file("one/pids.max");
    assert_null(cgroup_new(folder, "one", 4096, 7, &err));
    assert_non_null(strstr(err.text, "cgroup.procs cannot be opened"));
    assert_null(cgroup_new("/nonexistent", "one", 0, 0, &err));
    assert_non_null(strstr(err.text, "cannot be made"));
}

static void bounds_are_written_and_swap_forbidden(void **state)
{
    (void)state;
    struct err err;
    make_file("one/memory.swap.max");
    make_file("one/cgroup.procs");
    struct cgroup *g = cgroup_new(folder, "one", 1u << 30, 128, &err);
    assert_non_null(g);
    assert_file("one/memory.max", "1073741824");
    assert_file("one/memory.swap.max", "0");
    assert_file("one/pids.max", "128");
    assert_true(cgroup_procs(g) >= 16 && (fcntl(cgroup_procs(g), F_GETFD) & FD_CLOEXEC));
    struct run r;
    run_open(&r, "/bin/echo", NULL);
    r.params.cgroup = g;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    run_close(&r);
    assert_file("one/cgroup.procs", "0"); // itself
    cgroup_free(g);
}

static bool find_tree(char out[PATH_MAX])
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    const struct mntent *m;
    bool found = false;
    while (mounts && !found && (m = getmntent(mounts)) != NULL)
        if (str_equal(m->mnt_type, "cgroup2")) {
            snprintf(out, PATH_MAX, "%s", m->mnt_dir);
            found = access(out, W_OK) == 0;
        }
    if (mounts)
        endmntent(mounts);
    return found;
}

static void a_child_and_its_children_are_in_it(void **state)
{
    (void)state;
    char tree[PATH_MAX], name[64], path[PATH_MAX + 80];
    struct err err;
    if (!find_tree(tree))
        skip();
    snprintf(name, sizeof name, "paperguard-test-%d", (int)getpid());
    struct cgroup *g = cgroup_new(tree, name, 0, 0, &err);
    if (!g)
        skip(); // a tree that is not ours to divide
    struct run r;
    run_open(&r, "/bin/sh", "(setsid grep ^0:: /proc/self/cgroup)");
    r.params.cgroup = g;
    run_until_done(&r);
    cgroup_free(g);
    snprintf(path, sizeof path, "/%s\n", name);
    assert_true(str_ends(r.output, path));
    run_close(&r);
    snprintf(path, sizeof path, "%s/%s", tree, name);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_that_cannot_be_set_is_a_failure),
        cmocka_unit_test(bounds_are_written_and_swap_forbidden),
        cmocka_unit_test(a_child_and_its_children_are_in_it),
    };
    return cmocka_run_group_tests_name("cgroup", tests, make_folder, remove_folder);
}
