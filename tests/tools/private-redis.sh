#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# A private Redis for tests and demos: Unix socket only, nothing on disk. As root it runs under an unprivileged user.
#
#   private-redis.sh start DIR   starts it in DIR/redis and prints its URL (again when it runs)
#   private-redis.sh halt DIR    stops it and keeps the folder: start brings an empty one back
#   private-redis.sh kill DIR    the same by SIGKILL
#   private-redis.sh stop DIR    stops it and removes everything that start made
# shellcheck disable=SC1091,SC2034 # the sourced part uses user and dir
set -u
. "$(dirname "$(readlink -f "$0")")/private-lib.sh"

user=$(private_user)
# Debian's redis-server is a link to redis-check-rdb of redis-tools, which acts by the name it is called with.
server=$(command -v redis-server || command -v redis-check-rdb) ||
    private_fail "no Redis found: install redis-tools"

start()
{
    private_prepare "$1" redis /redis.sock
    if ! private_running "$room/redis.sock" >/dev/null; then
        rm -f "$room/redis.sock"
        # shellcheck disable=SC2016 # the inner shell expands it
        as_user bash -c 'exec -a redis-server "$@"' - "$server" --port 0 --unixsocket "$room/redis.sock" --unixsocketperm 700 \
            --dir "$room" --save '' --appendonly no --daemonize yes --pidfile "$room/redis.pid" --logfile "$room/server.log" \
            --maxmemory 32mb </dev/null >"$room/start.log" 2>&1 || private_fail "Redis did not start: $(cat "$room/start.log")"
        for _ in $(seq 200); do
            [ "$(redis-cli -s "$room/redis.sock" ping 2>/dev/null)" != PONG ] || break
            sleep 0.05
        done
        [ -r "$room/redis.pid" ] || private_fail "Redis did not come up: $(tail -n 3 "$room/server.log" 2>/dev/null)"
        private_note "$(cat "$room/redis.pid")"
    fi
    printf 'unix://%s/redis.sock\n' "$room"
}

usage="usage: ${0##*/} start|halt|kill|stop DIR"
[ $# -eq 2 ] || private_fail "$usage"
dir=${2%/} room=${2%/}/redis
case $1 in
start) start "$2" ;;
halt) private_end "$room/redis.sock" TERM 10 ;;
kill) private_end "$room/redis.sock" KILL 10 ;;
stop)
    private_end "$room/redis.sock" TERM 10
    private_remove
    ;;
*) private_fail "$usage" ;;
esac
