#!/bin/sh
# disk-usage - Shows which folders fill a disk, largest first.
#
# Usage: disk-usage [-a] [-n COUNT] [-d DEPTH] [FOLDER]
#
#   -a        files too, not folders alone
#   -n COUNT  so many lines, 10 if not given
#   -d DEPTH  only so many folders deep; 1 is what lies in FOLDER itself
#   -h        this help
#
# FOLDER is the current one if it is not given. Other file systems below it
# are left out. Sizes are for people (1.5M). Folders that must not be read
# are named on standard error and left out.
# Exit codes: 0 done, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -eu

usage() {
    echo "usage: disk-usage [-a] [-n COUNT] [-d DEPTH] [FOLDER]"
}

fail() {
    echo "disk-usage: $*" >&2
    usage >&2
    exit 2
}

# Whether $1 is a whole number above zero.
is_count() {
    case $1 in
        '' | *[!0-9]* | 0*) return 1 ;;
    esac
}

[ "${1:-}" != --help ] || set -- -h

all='' count=10 depth=''
while getopts ad:hn: option; do
    case $option in
        a) all=-a ;;
        n) count=$OPTARG ;;
        d) depth=$OPTARG ;;
        h)
            usage
            exit 0
            ;;
        *) fail "no such option" ;;
    esac
done
shift $((OPTIND - 1))

is_count "$count" || fail "COUNT is not a number above zero: $count"
[ -z "$depth" ] || is_count "$depth" || fail "DEPTH is not a number above zero: $depth"
[ $# -le 1 ] || fail "one FOLDER at a time, not $#"
folder=${1:-.}
[ -d "$folder" ] || fail "not a folder: $folder"

# du ends with 1 if it could not read all; what it could read is still of use.
# Depth is counted in slashes, since not every du knows it.
{ du -x -k $all -- "$folder" || true; } |
    sort -rn |
    awk -v root="$folder" -v depth="$depth" -v count="$count" '
        function human(kib,    unit) {
            for (unit = 1; kib >= 1024 && unit < 4; unit++) kib /= 1024
            return sprintf(unit == 1 ? "%d%s" : "%.1f%s", kib, substr("KMGT", unit, 1))
        }
        {
            kib = $1
            path = $0
            sub(/^[0-9]+[ \t]+/, "", path)
            below = substr(path, length(root) + 1)
            sub(/^\//, "", below)
            deep = below == "" ? 0 : gsub(/\//, "/", below) + 1
            if (depth != "" && deep > depth) next
            printf "%8s  %s\n", human(kib), path
            if (++shown == count) exit
        }'
