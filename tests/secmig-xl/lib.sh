# SPDX-License-Identifier: LGPL-2.1-or-later
# For the tests of secmig-xl's verbs about domains: a toy host, and what is
# expected of a verb there.  Sourced.

set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../../build}
program=$build/secmig-xl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
uuid=8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d
twin=11111111-2222-3333-4444-555555555555
failed=0

ok()
{
    echo "ok - secmig-xl: $1"
}

not_ok()
{
    echo "not ok - secmig-xl: $1: $2"
    failed=1
}

if [ ! -x "$program" ]; then
    echo "skip - secmig-xl handover: it is not built"
    exit 77
fi
# shellcheck disable=SC2086 # XEN_CPPFLAGS are words
if ! ${CC:-cc} ${XEN_CPPFLAGS:-} -shared -fPIC -o "$work/fake.so" \
    "$here/fake_xen.c" "$here/fake_domains.c"; then
    not_ok "fake libxl" "does not compile"
    exit 1
fi

# The domains, a line each: "DOMID UUID NAME STATE CPU_TIME".
there()
{
    rm -f "$work/d.request" "$work/d.calls" "$work/d.resumed" "$work/d.held"
    : >"$work/d.calls"
    printf '%s\n' "0 00000000-0000-0000-0000-000000000000 Domain-0 running 9" \
        "$@" >"$work/d"
}

# xl VERB...: answer in $work/out, its first byte in $answer for `look`.
xl()
{
    FAKE_DOMAINS=$work/d LD_PRELOAD=$work/fake.so \
        "$program" "$@" >"$work/out" 2>"$work/err"
    code=$?
    return 0
}

# The case $1: exit code $2, calls $3, domains afterwards $4 (a pattern).
expect()
{
    calls=$(tr '\n' ' ' <"$work/d.calls" | sed 's/ $//')
    now=$(sed '/Domain-0/d' "$work/d" | cut -d' ' -f1,3,4 | tr '\n' ' ' |
        sed 's/ $//')
    if [ "$code" != "$2" ]; then
        not_ok "$1" "exit code $code instead of $2: $(cat "$work/err")"
    elif [ "$calls" != "$3" ]; then
        not_ok "$1" "calls '$calls' instead of '$3'"
    elif [ "$now" != "$4" ]; then
        not_ok "$1" "domains '$now' instead of '$4'"
    elif [ ! -s "$work/out" ] && [ ! -s "$work/err" ]; then
        not_ok "$1" "says nothing"
    else
        ok "$1"
    fi
}

# What look or hold has answered: domain, domid, name.
answered()
{
    python3 -c '
import struct, sys, time
data = open(sys.argv[1], "rb").read()
domain, domid, length = struct.unpack(">BIH", data[:7])
assert len(data) == 7 + length + 8
name, (when,) = data[7:-8].decode(), struct.unpack(">Q", data[-8:])
assert 0 <= time.monotonic_ns() // 1000000 - when < 30000, when
print(domain, domid if domid != 0xffffffff else "-", name or "-")
' "$work/out" 2>&1
}

# The case $1: look as $2 answers domain $3, domid $4, name $5.
looks()
{
    case=$1 want="$3 $4 $5"
    xl look "$2" "$uuid" g1
    got=$(answered)
    if [ "$code" != 0 ]; then
        not_ok "$case" "exit code $code: $(cat "$work/err")"
    elif [ "$got" != "$want" ]; then
        not_ok "$case" "answers '$got' instead of '$want'"
    elif [ -s "$work/d.calls" ]; then
        not_ok "$case" "has changed something: $(cat "$work/d.calls")"
    else
        ok "$case"
    fi
}

GONE=1 RUNS=2 SUSPENDED=3 COPY=4

