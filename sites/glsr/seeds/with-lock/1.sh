#!/bin/sh
# with-lock - Runs a command unless it runs already, so that jobs of cron never overlap.
#
# Usage: with-lock [-w SECONDS] NAME COMMAND [ARGUMENT..]
#
#   -w SECONDS  wait so long for the other one to end; 0 if not given
#   -h          this help
#
# NAME is a word of letters, digits, "-" and "_". The lock is a folder in
# $LOCK_DIR (else /run/lock if that can be written, else /tmp), with the
# number of the process in it. A lock whose process is gone is taken over.
#
# Exit codes: that of COMMAND; 75 if it runs already, 2 for wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -u

usage() {
    echo "usage: with-lock [-w SECONDS] NAME COMMAND [ARGUMENT..]"
}

fail() {
    echo "with-lock: $*" >&2
    usage >&2
    exit 2
}

[ "${1:-}" != --help ] || set -- -h

wait=0
while getopts hw: option; do
    case $option in
        w) wait=$OPTARG ;;
        h)
            usage
            exit 0
            ;;
        *) fail "no such option" ;;
    esac
done
shift $((OPTIND - 1))

case $wait in
    '' | *[!0-9]*) fail "SECONDS is not a number: $wait" ;;
esac
[ $# -ge 2 ] || fail "NAME and COMMAND are needed"
name=$1
shift
case $name in
    '' | *[!A-Za-z0-9_-]*) fail "not a name: $name" ;;
esac

folder=${LOCK_DIR:-}
if [ -z "$folder" ]; then
    if [ -w /run/lock ]; then folder=/run/lock; else folder=/tmp; fi
fi
[ -d "$folder" ] || fail "LOCK_DIR is no folder: $folder"
lock=$folder/with-lock-$(id -u)-$name

# Making a folder is one step: of two who try, one fails.
take() {
    mkdir -m 700 "$lock" 2>/dev/null && echo $$ >"$lock/pid"
}

# Moves a lock away whose process is gone. The move is one step too, and what
# was moved is looked at again: it may be a new lock by now.
drop_stale() {
    owner=$(cat "$lock/pid" 2>/dev/null) || return 1
    case $owner in
        '' | *[!0-9]*) return 1 ;;
    esac
    ! kill -0 "$owner" 2>/dev/null || return 1
    away=$lock.$$
    mv "$lock" "$away" 2>/dev/null || return 1
    if [ "$(cat "$away/pid" 2>/dev/null)" != "$owner" ]; then
        mv "$away" "$lock"
        return 1
    fi
    rm -rf "$away"
}

until take; do
    drop_stale && continue
    if [ ! -d "$lock" ] && [ ! -w "$folder" ]; then
        echo "with-lock: $folder cannot be written" >&2
        exit 2
    fi
    if [ "$wait" -le 0 ]; then
        echo "with-lock: $name runs already (process $(cat "$lock/pid" 2>/dev/null))" >&2
        exit 75
    fi
    wait=$((wait - 1))
    sleep 1
done

# The lock goes however the command ends.
trap 'rm -rf "$lock"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
"$@"
