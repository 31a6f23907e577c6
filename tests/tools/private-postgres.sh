#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# A private Postgres for tests and demos: its own cluster in DIR/pg, Unix socket only, no network, trust for whoever may
# enter the folder. As root it runs under an unprivileged user.
#
#   private-postgres.sh start DIR   makes the cluster when there is none, starts it, prints its DSN (again when it runs)
#   private-postgres.sh halt DIR    stops it, keeps the data: start brings it back
#   private-postgres.sh crash DIR   the same without a clean shutdown: every connection breaks at once
#   private-postgres.sh kill DIR    SIGKILL to the server alone: its processes end once they find out; until then it cannot start
#   private-postgres.sh cluster DIR makes the cluster only. With PRIVATE_PG_CLUSTER=DIR others are copies of it.
#   private-postgres.sh stop DIR    stops it and removes everything that start made
#
# DIR is an absolute, short path that the unprivileged user can reach: mktemp -d /tmp/pg.XXXXXX
# With PRIVATE_PG_MEMORY=FOLDER, one in memory that everybody may write to, the data lie there: a new database is hundreds of files.
# shellcheck disable=SC1091,SC2034 # the sourced part uses user and dir
set -u
. "$(dirname "$(readlink -f "$0")")/private-lib.sh"

user=$(private_user)
bin=${PG_BIN:-}
for candidate in /usr/lib/postgresql/*/bin; do
    [ -n "$bin" ] || [ ! -x "$candidate/initdb" ] || bin=$candidate
done
[ -n "$bin" ] || private_fail "no Postgres server found in /usr/lib/postgresql: install postgresql, or set PG_BIN"

make_cluster()
{
    local made=${PRIVATE_PG_CLUSTER:-}/pg/data data=$room/data
    if [ -d "${PRIVATE_PG_MEMORY:-}" ]; then
        data=$(as_user mktemp -d "$PRIVATE_PG_MEMORY/pg.XXXXXX") && as_user ln -sfn "$data" "$room/data" || exit 1
    else
        as_user mkdir -p -m 700 "$data" || exit 1
    fi
    if [ -e "$made/PG_VERSION" ]; then
        as_user cp -a "$made/." "$data" || private_fail "$made cannot be copied"
        printf "unix_socket_directories = '%s'\n" "$room" >>"$room/data/postgresql.conf"
        return
    fi
    as_user "$bin/initdb" --no-sync --wal-segsize=1 -A trust -E UTF8 --locale=C.UTF-8 -U paperguard -D "$room/data" >"$room/initdb.log" 2>&1 ||
        private_fail "initdb failed: $(tail -n 3 "$room/initdb.log")"
    # Durability is not what these tests look at; mmap keeps shared memory inside the folder, so nothing is left behind.
    cat >>"$room/data/postgresql.conf" <<-END || exit 1
		listen_addresses = ''
		unix_socket_directories = '$room'
		fsync = off
		full_page_writes = off
		shared_buffers = 16MB
		dynamic_shared_memory_type = mmap
		max_connections = 40
		max_wal_senders = 0
		wal_level = minimal
		timezone = 'UTC'
		log_timezone = 'UTC'
		jit = off
	END
    echo 'CREATE DATABASE paperguard' | as_user "$bin/postgres" --single -D "$data" postgres >"$room/single.log" 2>&1 ||
        private_fail "no database can be made: $(tail -n 3 "$room/single.log")"
}

start()
{
    private_prepare "$1" pg /.s.PGSQL.5432
    if ! private_running "$room/data" >/dev/null; then
        [ -e "$room/data/PG_VERSION" ] || make_cluster
        as_user "$bin/pg_ctl" start -s -w -t 60 -D "$room/data" -l "$room/server.log" </dev/null >"$room/start.log" 2>&1 ||
            private_fail "Postgres did not start: $(tail -n 5 "$room/server.log" 2>/dev/null)"
        private_note "$(head -n 1 "$room/data/postmaster.pid")"
    fi
    printf 'host=%s user=paperguard dbname=paperguard\n' "$room"
}

usage="usage: ${0##*/} start|halt|crash|kill|cluster|stop DIR"
[ $# -eq 2 ] || private_fail "$usage"
dir=${2%/} room=${2%/}/pg
case $1 in
start) start "$2" ;;
cluster)
    private_prepare "$2" pg /.s.PGSQL.5432
    make_cluster
    ;;
halt) private_end "$room/data" INT 20 ;;
crash) private_end "$room/data" QUIT 20 ;;
kill) private_end "$room/data" KILL 20 ;;
stop)
    private_end "$room/data" INT 20
    [ ! -L "$room/data" ] || as_user rm -rf "$(readlink "$room/data")"
    private_remove
    ;;
*) private_fail "$usage" ;;
esac
