#!/bin/bash
# etc-updates - Lists new versions of configuration files that wait to be merged, and what they change.
#
# Usage: etc-updates [-d] [-q] [FOLDER..]
#
#   -d  show the difference of each
#   -q  only how many there are, for a prompt or a monitor
#   -h  this help
#
# Knows what the package managers of Gentoo (._cfg0000_NAME), Debian
# (NAME.dpkg-dist, .dpkg-new, .ucf-dist), Arch (NAME.pacnew), Fedora and SUSE
# (NAME.rpmnew) and Alpine (NAME.apk-new) leave beside a changed file. FOLDER is /etc
# if none is given. Nothing is changed: merge with etc-update, dispatch-conf,
# pacdiff or an editor.
# Exit codes: 0 nothing waits, 1 something does, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -euo pipefail

usage() {
    echo "usage: etc-updates [-d] [-q] [FOLDER..]"
}

fail() {
    echo "etc-updates: $*" >&2
    exit 2
}

# The file that the new version $1 is for.
old_of() {
    local folder=${1%/*} name=${1##*/}
    case $name in
        ._cfg[0-9][0-9][0-9][0-9]_*) name=${name#._cfg????_} ;;
        *) name=${name%.*} ;;
    esac
    printf '%s/%s' "$folder" "$name"
}

[[ ${1:-} != --help ]] || set -- -h

differences='' quiet=''
while getopts dqh option; do
    case $option in
        d) differences=1 ;;
        q) quiet=1 ;;
        h)
            usage
            exit 0
            ;;
        *) fail "no such option; try --help" ;;
    esac
done
shift $((OPTIND - 1))

[[ $# -gt 0 ]] || set -- /etc
for folder; do
    [[ -d $folder ]] || fail "not a folder: $folder"
done

patterns=('._cfg[0-9][0-9][0-9][0-9]_*' '*.dpkg-dist' '*.dpkg-new' '*.ucf-dist' '*.pacnew' '*.rpmnew' '*.apk-new')
tests=(-false)
for pattern in "${patterns[@]}"; do
    tests+=(-o -name "$pattern")
done

# Names can hold anything but NUL. Folders that must not be read are no reason to stop.
mapfile -d '' -t waiting < <(find "$@" -type f \( "${tests[@]}" \) -print0 2>/dev/null | sort -z)

if [[ $quiet ]]; then
    echo "${#waiting[@]}"
else
    for new in "${waiting[@]}"; do
        old=$(old_of "$new")
        if [[ ! -e $old ]]; then
            state="its file is gone"
        elif cmp -s -- "$old" "$new"; then
            state="same text: it can go"
        else
            # diff ends with 1 because they differ; of binary files it counts no lines.
            state=$({ diff -- "$old" "$new" || true; } |
                awk '/^</ { gone++ } /^>/ { added++ } END { if (NR) print "-" gone + 0, "+" added + 0 }')
            [[ $state != "-0 +0" ]] || state="differs"
        fi
        printf '%s  (%s)\n' "$new" "$state"
        if [[ $differences && -e $old ]]; then
            diff -u -- "$old" "$new" || true
        fi
    done
fi
((${#waiting[@]} == 0)) || exit 1
