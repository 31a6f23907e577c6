#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# A private pgbouncer in front of the private Postgres of the same folder: Unix socket only. Whoever may enter the folder
# is let in.
#
#   private-pgbouncer.sh start DIR MODE   MODE is transaction or session; prints its DSN
#   private-pgbouncer.sh stop DIR         stops it and removes everything that start made
# shellcheck disable=SC1091,SC2034 # the sourced part uses user and dir
set -u
. "$(dirname "$(readlink -f "$0")")/private-lib.sh"

user=$(private_user)
program=$(PATH=$PATH:/usr/sbin command -v pgbouncer) || private_fail "no pgbouncer found: install pgbouncer"

start()
{
    private_prepare "$1" pool /.s.PGSQL.6432
    cat >"$room/pgbouncer.ini" <<-END || exit 1
		[databases]
		* = host=$dir/pg user=paperguard
		[pgbouncer]
		pool_mode = $2
		listen_addr =
		listen_port = 6432
		unix_socket_dir = $room
		auth_type = any
		ignore_startup_parameters = options
		default_pool_size = 10
		logfile = $room/log
		pidfile = $room/pid
	END
    chown "$user:" "$room/pgbouncer.ini" 2>/dev/null
    as_user "$program" -q -d "$room/pgbouncer.ini" </dev/null >"$room/start.log" 2>&1 ||
        private_fail "pgbouncer did not start: $(tail -n 3 "$room/start.log")"
    for _ in $(seq 100); do
        [ ! -S "$room/.s.PGSQL.6432" ] || [ ! -s "$room/pid" ] || break
        sleep 0.05
    done
    [ -S "$room/.s.PGSQL.6432" ] || private_fail "pgbouncer does not listen: $(tail -n 3 "$room/log")"
    private_note "$(head -n 1 "$room/pid")"
    printf 'host=%s port=6432 user=paperguard\n' "$room"
}

case ${1:-} in
start) start "${2:?}" "${3:?}" ;;
stop)
    dir=${2%/} room=${2%/}/pool
    private_end pgbouncer.ini QUIT 5
    private_remove
    ;;
*) private_fail "usage: private-pgbouncer.sh start DIR MODE | stop DIR" ;;
esac
