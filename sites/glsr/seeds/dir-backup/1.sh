#!/bin/bash
# dir-backup - Keeps dated archives of a folder, the newest ones only.
#
# Usage: dir-backup FOLDER TARGET [KEEP]
#
# Writes TARGET/NAME-DATE.tar.gz and removes all but the newest KEEP (7) of
# that NAME. Exit codes: 0 done, 1 failed, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -euo pipefail

usage() {
    echo "usage: dir-backup FOLDER TARGET [KEEP]"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    usage
    exit 0
fi
if [[ $# -lt 2 || ! -d $1 || ! -d $2 || ! ${3:-7} =~ ^[1-9][0-9]*$ ]]; then
    usage >&2
    exit 2
fi

folder=$(cd -- "$1" && pwd)
target=$2
keep=${3:-7}
name=$(basename -- "$folder")
archive=$target/$name-$(date -u +%Y-%m-%dT%H%M%SZ).tar.gz

# A name of its own until it is whole: what is cut off is never taken for a backup.
trap 'rm -f -- "$archive.part"' EXIT
tar -czf "$archive.part" -C "$(dirname -- "$folder")" -- "$name"
mv -- "$archive.part" "$archive"

# Names in the order of their dates; the glob sorts them.
archives=("$target/$name"-????-??-??T??????Z.tar.gz)
for old in "${archives[@]:0:${#archives[@]}-keep < 0 ? 0 : ${#archives[@]}-keep}"; do
    rm -- "$old"
done
echo "$archive"
