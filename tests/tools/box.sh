#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# This machine's systemd as PID 1 of fresh namespaces on a throw-away overlay of /: units are tried on the real thing and
# nothing of the machine is touched. Needs root.
#
#   box.sh start DIR         boots; DIR/share is /run/box within; DIR/pid is its systemd, as seen from here
#   box.sh exec DIR CMD...   runs something within
#   box.sh stop DIR
set -eu
unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)

# Control groups: version 2 alone where it has what units need, else version 1 beside it.
hybrid()
{
    case " $(cat "$unified/cgroup.controllers" 2>/dev/null) " in
    *' memory '*) return 1 ;;
    esac
}

mount_groups()
{
    if ! hybrid; then
        mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$1"
        return
    fi
    mount -t tmpfs -o nosuid,nodev,noexec,mode=755 tmpfs "$1"
    mkdir "$1/unified" "$1/systemd"
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$1/unified"
    while read -r controllers; do
        mkdir "$1/$controllers"
        mount -t cgroup -o "nosuid,nodev,noexec,$controllers" cgroup "$1/$controllers"
    done <"$dir/controllers"
    mount -t cgroup -o nosuid,nodev,noexec,none,name=systemd cgroup "$1/systemd"
}

mount_dev()
{
    mount -t tmpfs -o nosuid,mode=755 tmpfs "$1"
    mkdir "$1/pts" "$1/shm" "$1/mqueue"
    for device in null zero full random urandom tty; do
        touch "$1/$device"
        mount --bind "/dev/$device" "$1/$device"
    done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/pts"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    for n in 0:stdin 1:stdout 2:stderr; do
        ln -s "/proc/self/fd/${n%:*}" "$1/${n#*:}"
    done
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$1/shm"
}

# PID 1 of the new namespaces until it becomes systemd.
inner()
{
    root=$dir/root
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs "$dir/fs"
    mkdir "$dir/fs/upper" "$dir/fs/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/fs/upper,workdir=$dir/fs/work" "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
    mount_groups "$root/sys/fs/cgroup"
    mount_dev "$root/dev"
    mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/run"
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mkdir "$root/run/box"
    mount --bind "$dir/share" "$root/run/box"
    rm -rf "$root/etc/machine-id" "$root/etc/fstab" "$root/etc/systemd/system" "$root/var/log/journal"
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    mkdir -p "$root/etc/systemd/system" "$root/var/log/journal"
    printf '%s\n' '[Unit]' 'Requires=systemd-journald.service systemd-tmpfiles-setup.service' \
        'After=systemd-journald.service systemd-tmpfiles-setup.service' AllowIsolate=yes \
        >"$root/etc/systemd/system/box.target"
    cd "$root"
    mkdir -p run/old
    pivot_root . run/old
    # Without shared mounts LoadCredential= gives an empty folder.
    exec chroot . /bin/sh -c 'umount -l /run/old; rmdir /run/old; mount --make-rshared /
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=box LANG=C.UTF-8 /lib/systemd/systemd --system \
            --unit=box.target --log-target=journal --show-status=no'
}

# Process ids are used again: the recorded one must still be the child of our unshare.
is_ours()
{
    parent=$(cat "$dir/unshare.pid") && grep -qw "$(cat "$dir/pid")" "/proc/$parent/task/$parent/children" 2>/dev/null
}

start()
{
    mkdir -p "$dir/fs" "$dir/root" "$dir/share"
    : >"$dir/controllers"
    echo "$unified/box.$$" >"$dir/groups"
    if hybrid; then
        awk -v "name=box.$$" '$3 == "cgroup" { print $2 "/" name }' /proc/self/mounts >>"$dir/groups"
        awk '$3 == "cgroup" && $4 !~ /name=/ { n = split($4, o, ","); print o[n] }' /proc/self/mounts >>"$dir/controllers"
    fi
    xargs mkdir <"$dir/groups"
    (
        while read -r group; do
            case $group in
            */cpuset/*) for k in cpus mems; do cat "${group%/*}/cpuset.$k" >"$group/cpuset.$k"; done ;;
            esac
            echo "$BASHPID" >"$group/cgroup.procs"
        done <"$dir/groups"
        exec unshare --mount --uts --ipc --pid --net --cgroup --fork --kill-child "$0" inner "$dir"
    ) </dev/null >"$dir/console" 2>&1 &
    echo $! >"$dir/unshare.pid"
    for _ in $(seq 400); do
        kill -0 "$(cat "$dir/unshare.pid")" 2>/dev/null || { cat "$dir/console"; exit 1; }
        parent=$(cat "$dir/unshare.pid")
        child=$(cat "/proc/$parent/task/$parent/children" 2>/dev/null) || child=
        child=${child%% *}
        if [ -n "$child" ] && [ "$(cat "/proc/$child/comm" 2>/dev/null)" = systemd ]; then
            echo "$child" >"$dir/pid"
            state=$("$0" exec "$dir" systemctl is-system-running 2>/dev/null) || [ "$state" = degraded ] || state=
            [ -z "$state" ] || exit 0
        fi
        sleep 0.05
    done
    cat "$dir/console"
    exit 1
}

stop()
{
    ! is_ours || kill -9 "$(cat "$dir/pid")" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$(cat "$dir/unshare.pid")" 2>/dev/null || break
        sleep 0.05
    done
    while read -r group; do
        find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done <"$dir/groups"
}

verb=$1 dir=$2
shift 2
case $verb in
start | stop | inner) "$verb" ;;
exec) exec nsenter -t "$(cat "$dir/pid")" -m -u -i -n -p -C -r -w "$@" ;;
*) exit 64 ;;
esac
