#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Everything that reads the code without running it, one line for each reader. Goes through all of them before it fails.
#
#   lint.sh [clang|tidy|cppcheck|shellcheck|format|python|man]...    (default: all)
# shellcheck disable=SC2317 # the readers are called by name
set -u -o pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
build=${BUILD:-build} jobs=${JOBS:-2}
# MAKE may hold more than one word.
read -ra make <<<"${MAKE:-make}"
mapfile -t sources < <(find lib daemon -name '*.c' | sort)
mapfile -t all_c < <(find lib daemon tests -name '*.[ch]' | sort)
mapfile -t shells < <(find tests daemon .ci -name '*.sh' -o -path '.ci/*' -type f | sort)
mapfile -t pythons < <(find tests scripts -name '*.py' | sort)
mapfile -t pages < <(find man -type f | sort)
pythons+=(tests/run)

lint_clang()
{
    "${make[@]}" --no-print-directory -k -j"$jobs" PROFILE=clang BUILD="$build" objects units >"$work/clang" 2>&1 ||
        { grep -vE '^  [A-Z]+ +[a-z]' "$work/clang"; return 1; }
}

# One file for each run: clang-tidy 14 carries state from file to file.
lint_tidy()
{
    local flags
    "${make[@]}" --no-print-directory PROFILE=clang BUILD="$build" "$build/obj-clang/sql_gen.h" "$build/obj-clang/web_gen.h" "$build/obj-clang/commit.h" \
        >/dev/null || return 1
    flags=$(sed -n 's/^DEP_CFLAGS = //p' config.mk)
    # shellcheck disable=SC2016 # the inner shell expands it
    printf '%s\n' "${sources[@]}" | FLAGS="-std=gnu17 -I. -I$build/obj-clang -D_GNU_SOURCE -include config.h $flags" \
        xargs -P "$jobs" -n 1 sh -c 'case $1 in lib/base/err.c) extra= ;; *) extra="-include tests/tools/tidy.h" ;; esac
            clang-tidy --quiet "$1" -- $FLAGS $extra 2>/dev/null' sh
}

lint_cppcheck()
{
    # Style is left to clang-format and clang-tidy. What it cannot see: macros of the tables and of cmocka.
    cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr -j "$jobs" \
        --enable=warning,performance,portability --suppressions-list=tests/tools/cppcheck.txt \
        -I. -I"$build/obj-clang" -D_GNU_SOURCE -D__GNUC__ "${sources[@]}"
}

lint_shellcheck()
{
    shellcheck "${shells[@]}"
}

lint_format()
{
    clang-format --dry-run -Werror "${all_c[@]}"
}

lint_python()
{
    /usr/bin/python3 -B tests/tools/lint.py "${pythons[@]}"
}

lint_man()
{
    [ ${#pages[@]} -eq 0 ] || mandoc -Tlint -Werror "${pages[@]}"
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
for reader in "${@:-clang tidy cppcheck shellcheck format python man}"; do
    for one in $reader; do
        begun=$SECONDS
        if "lint_$one" >"$work/out" 2>&1; then
            printf 'lint: %-10s ok (%d s)\n' "$one" $((SECONDS - begun))
        else
            cat "$work/out"
            printf 'lint: %-10s FAILED (%d s)\n' "$one" $((SECONDS - begun))
            status=1
        fi
    done
done
exit "$status"
