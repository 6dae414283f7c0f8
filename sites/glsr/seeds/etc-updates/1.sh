#!/bin/bash
# etc-updates - Lists new versions of configuration files that wait to be merged.
#
# Usage: etc-updates [FOLDER..]
#
# Knows what Gentoo (._cfg0000_NAME), Debian (NAME.dpkg-dist, NAME.dpkg-new,
# NAME.ucf-dist) leave beside a changed file. FOLDER is /etc if none is given.
# Exit codes: 0 nothing waits, 1 something does, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    echo "usage: etc-updates [FOLDER..]"
    exit 0
fi
[[ $# -gt 0 ]] || set -- /etc
for folder; do
    if [[ ! -d $folder ]]; then
        echo "etc-updates: not a folder: $folder" >&2
        exit 2
    fi
done

# Names can hold anything but NUL.
code=0
while IFS= read -r -d '' new; do
    code=1
    printf '%s\n' "$new"
done < <(find "$@" -type f \( -name '._cfg[0-9][0-9][0-9][0-9]_*' -o -name '*.dpkg-dist' \
    -o -name '*.dpkg-new' -o -name '*.ucf-dist' \) -print0 | sort -z)
exit "$code"
