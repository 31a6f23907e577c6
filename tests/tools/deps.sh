#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Installs the Debian packages that are missing, and nothing else: packages that are there keep their version, no server
# is started, stopped, upgraded or configured. Tests and the demo start private servers of their own from these binaries.
#
#   deps.sh [--quiet]   --quiet says nothing when all is there
#   deps.sh --list      prints the packages
# shellcheck disable=SC2086 # lists of packages are split at blanks on purpose
set -eu

build='gcc libc6-dev make git autoconf pkg-config libevent-dev libcurl4-openssl-dev libjansson-dev libpq-dev libhiredis-dev
    libsystemd-dev libssl-dev libwslay-dev libseccomp-dev libyaml-dev'
check='libcmocka-dev clang libclang-rt-14-dev binutils python3 python3-pytest python3-psycopg2 python3-yaml postgresql-15
    redis-tools procps util-linux patch faketime strace systemd openssl curl jq ca-certificates tzdata'
lint='mandoc clang-format clang-tidy cppcheck shellcheck'
# Older ones carry eight known holes, two of them in the parser of chunked bodies.
libevent=2.1.12-stable-8+deb12u1

quiet=no
case ${1:-} in
--list)
    printf '%s\n' $build $check $lint
    exit 0
    ;;
--quiet) quiet=yes ;;
'') ;;
*)
    echo "usage: ${0##*/} [--quiet | --list]" >&2
    exit 64
    ;;
esac

say()
{
    printf 'deps: %s\n' "$*"
}
fail()
{
    say "$@" >&2
    exit 1
}
if ! command -v dpkg-query >/dev/null 2>&1; then
    [ "$quiet" = yes ] || say "not a Debian system: install yourself what provides: $build $check $lint"
    exit 0
fi

# The version of an installed package, or nothing. pkg-config may be there under its newer name.
version_of()
{
    dpkg-query -W -f='${Status}\t${Version}\n' "$1" 2>/dev/null | sed -n 's/^[a-z]* ok installed\t//p'
}
missing_of()
{
    for package in "$@"; do
        case $package in
        pkg-config) ! command -v pkg-config >/dev/null 2>&1 || continue ;;
        esac
        [ -n "$(version_of "$package")" ] || printf '%s ' "$package"
    done
}
# libevent_is_good VERSION: of what is there, or of what would come.
libevent_is_good()
{
    dpkg --compare-versions "$1" ge "$libevent"
}
refuse_libevent()
{
    fail "libevent-dev is $1, but $libevent or newer is needed (security fixes in what serves HTTP)." \
        "Nothing is upgraded from here. Please have bookworm-security among the sources of apt, then:" \
        "apt-get update && apt-get install libevent-dev"
}

found=$(version_of libevent-dev)
[ -z "$found" ] || libevent_is_good "$found" || refuse_libevent "$found"
missing=$(missing_of $build $check $lint)
if [ -z "$missing" ]; then
    [ "$quiet" = yes ] || say "everything is there"
    exit 0
fi
say "missing: $missing"

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "needs root or sudo. Please run as root:  make deps"
    as_root=sudo
fi
# LC_ALL=C: its answers are read below. needrestart would restart services after a library came in.
apt()
{
    $as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none apt-get \
        -q -o APT::Get::List-Cleanup=false "$@"
}
# What apt would do, in $would; fails when it cannot, or when libevent would be too old.
plan()
{
    would=$(apt install -s --no-install-recommends --no-upgrade $missing 2>&1) || return 1
    coming=$(printf '%s\n' "$would" | sed -n 's/^Inst libevent-dev .*(\([^ ]*\) .*/\1/p')
    [ -z "$coming" ] || libevent_is_good "$coming"
}

# Lists may be missing (a fresh image has none) or too old to be used; they are fetched only then.
coming=
if ! plan; then
    say "fetching package lists"
    apt update || fail "apt-get update failed"
    if ! plan; then
        [ -z "$coming" ] || refuse_libevent "$coming"
        fail "apt-get cannot install them:
$would"
    fi
fi

# A -dev package may want its library in exactly its own version. Libraries may come along; what has services may not.
keep=
for package in $(printf '%s\n' "$would" | sed -n 's/^Inst \([^ ]*\) \[.*/\1/p; s/^Remv \([^ ]*\) .*/\1/p'); do
    if dpkg-query -L "$package" 2>/dev/null | grep -Eq '^(/usr)?/lib/systemd/system/.*\.service$|^/etc/init\.d/.'; then
        keep="$keep$package "
    fi
done
[ -z "$keep" ] || fail "installing these would upgrade or remove: $keep(they have services, which are left alone here)." \
    "Please do it yourself:  apt-get install --no-install-recommends $missing"

# postgresql-15 makes and starts a cluster when it comes in, unless told not to.
conf=${DEPS_ETC:-/etc}/postgresql-common/createcluster.d/00-paperguard-no-cluster.conf
no_cluster()
{
    $as_root mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' | $as_root tee "$conf" >/dev/null
    trap '$as_root rm -f "$conf"' EXIT
    trap 'exit 1' HUP INT TERM
}
case " $missing" in
*' postgresql-15 '*) no_cluster ;;
esac

if ! apt install -y --no-install-recommends --no-upgrade $missing; then
    say "once more with fresh package lists"
    apt update
    apt install -y --no-install-recommends --no-upgrade $missing
fi
missing=$(missing_of $build $check $lint)
[ -z "$missing" ] || fail "still missing: $missing"
found=$(version_of libevent-dev)
libevent_is_good "$found" || refuse_libevent "$found"
say "done"
