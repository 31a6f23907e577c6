#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the SQL files of a folder as C: one `static const struct pg_statement SQL_NAME` per NAME.sql, and the migrations
# (migrations/NNNN_name.sql, in order) as a table of { version, name, text }; their numbers go up by one.
set -eu
dir=$1
quote() { sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$1"; }
echo '// Generated from daemon/sql; do not edit.'
echo '#ifndef PAPERGUARD_SQL_GEN_H'
echo '#define PAPERGUARD_SQL_GEN_H'
echo '#include "lib/io/pg_client.h"'
echo '#define SQL_UNUSED __attribute__((unused))'
for f in "$dir"/*.sql; do
    [ -e "$f" ] || continue
    name=$(basename "$f" .sql)
    upper=$(printf '%s' "$name" | tr 'a-z-' 'A-Z_')
    printf 'SQL_UNUSED static const struct pg_statement SQL_%s = {\n    "%s",\n' "$upper" "$name"
    quote "$f"
    printf '};\n'
done
expected=1
echo 'struct sql_migration { int version; const char *name; const char *text; };'
echo 'SQL_UNUSED static const struct sql_migration SQL_MIGRATIONS[] = {'
for f in "$dir"/migrations/*.sql; do
    [ -e "$f" ] || continue
    name=$(basename "$f" .sql)
    version=$(printf '%s' "$name" | sed -e 's/_.*//' -e 's/^0*//')
    if [ "$version" != "$expected" ]; then
        echo "$f: number $version where $expected comes next: each migration has a number of its own, without gaps" >&2
        exit 1
    fi
    expected=$((expected + 1))
    printf '    {%s, "%s",\n' "$version" "$name"
    quote "$f"
    printf '    },\n'
done
echo '    {0, "", ""},'
echo '};'
echo '#endif'
