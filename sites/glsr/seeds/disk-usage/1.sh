#!/bin/sh
# disk-usage - Shows which folders fill a disk, largest first.
#
# Usage: disk-usage [FOLDER [COUNT]]
#
# FOLDER is the current one if it is not given, COUNT is 10. Other file
# systems below FOLDER are left out. Exit codes: 0 done, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -eu

usage() {
    echo "usage: disk-usage [FOLDER [COUNT]]"
}

case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
esac

folder=${1:-.}
count=${2:-10}

if [ $# -gt 2 ] || [ ! -d "$folder" ]; then
    echo "disk-usage: not a folder: $folder" >&2
    usage >&2
    exit 2
fi

# Names that begin with "-" are folders too, not options.
du -x -k -- "$folder" | sort -rn | head -n "$count"
