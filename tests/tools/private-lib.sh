# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Shared by private-postgres.sh and private-redis.sh (sourced): the unprivileged user, the folder rules, and the proof that
# a process is the one that was started here before anything is sent to it.

user=${user:-}

private_fail()
{
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# Servers run as an unprivileged user; only root has to switch.
private_user()
{
    if [ "$(id -u)" -ne 0 ]; then
        id -un
    elif id -u postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# as_user COMMAND...: with an empty environment, in /, so nothing of the caller's settings reaches the server.
as_user()
{
    local clean=(env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 HOME=/ TZ=UTC)
    if [ "$(id -u)" -ne 0 ]; then
        (cd / && "${clean[@]}" "$@")
    else
        (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --inh-caps=-all "${clean[@]}" "$@")
    fi
}

# private_prepare DIR NAME SOCKETNAME: makes DIR/NAME for the server's user; sets $dir and $room.
private_prepare()
{
    case $1 in
    /*) ;;
    *) private_fail "the folder must be an absolute path, not '$1'" ;;
    esac
    dir=${1%/} room=${1%/}/$2
    [ "${#room}" -le $((106 - ${#3})) ] || private_fail "'$dir' is too long for a Unix socket: use a short folder under /tmp"
    if [ ! -d "$dir" ]; then
        mkdir -m 711 "$dir" || exit 1
        mkdir -m 700 "$room" && : >"$room/made-folder" || exit 1
    fi
    [ -d "$room" ] || mkdir -m 700 "$room" || exit 1
    if [ "$(id -u)" -eq 0 ]; then
        chown -R "$user:" "$room"
        as_user test -x "$dir" || chmod a+x "$dir"
    fi
    as_user test -x "$room" || private_fail "user $user cannot enter $room: use a folder directly under /tmp (mktemp -d)"
}

# The start time of a process in clock ticks: with the pid it names one process for ever.
private_birth()
{
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086 # splitting into fields is the point
    set -- $stat
    [ "$1" != Z ] && echo "${20}"
}

# private_note PID: remembers which process was started.
private_note()
{
    printf '%s %s\n' "$1" "$(private_birth "$1")" >"$room/started"
}

# private_running WORD: prints the pid when the noted process still is the one we started and its command line holds WORD.
private_running()
{
    local pid birth
    [ -r "$room/started" ] || return 1
    read -r pid birth <"$room/started" || return 1
    [ -n "$birth" ] && [ "$(private_birth "$pid")" = "$birth" ] || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1" || return 1
    echo "$pid"
}

# private_end WORD SIGNAL SECONDS: sends SIGNAL, then KILL when that was not enough, and returns when the process is gone.
private_end()
{
    local pid tries=0
    while pid=$(private_running "$1"); do
        [ "$tries" -ne 0 ] || kill "-$2" "$pid" 2>/dev/null
        [ "$tries" -ne $(($3 * 20)) ] || kill -KILL "$pid" 2>/dev/null
        tries=$((tries + 1))
        sleep 0.05
    done
    rm -f "$room/started"
}

# Removes what start made: the room, and the folder itself when start had to make it.
private_remove()
{
    local made=no
    [ ! -e "$room/made-folder" ] || made=yes
    rm -rf "$room"
    [ "$made" = no ] || rmdir "$dir" 2>/dev/null || true
}
