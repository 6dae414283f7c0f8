#!/bin/bash
# dir-backup - Keeps dated archives of a folder, with checksums, the newest ones only.
#
# Usage: dir-backup [-k KEEP] [-x PATTERN].. FOLDER TARGET
#        dir-backup -c TARGET
#
#   -k KEEP     keep so many archives of this folder; 7 if not given
#   -x PATTERN  leave out what fits (as tar --exclude has it); may come again
#   -c          check all archives in TARGET against their checksums
#   -h          this help
#
# Writes TARGET/NAME-DATE.tar.gz and .sha256 beside it, then removes older
# ones. An archive is read back before an old one goes. Only one runs for a
# TARGET at a time. Exit codes: 0 done, 1 failed, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
set -euo pipefail

usage() {
    echo "usage: dir-backup [-k KEEP] [-x PATTERN].. FOLDER TARGET"
    echo "       dir-backup -c TARGET"
}

wrong() {
    echo "dir-backup: $*" >&2
    usage >&2
    exit 2
}

fail() {
    echo "dir-backup: $*" >&2
    exit 1
}

# Compares every archive with its checksum.
check() {
    local target=$1 sums
    cd -- "$target"
    shopt -s nullglob
    sums=(*.tar.gz.sha256)
    ((${#sums[@]})) || fail "no checksums in $target"
    sha256sum --check --quiet -- "${sums[@]}" || fail "$target holds a damaged archive"
    echo "archives that are as they were written: ${#sums[@]}"
}

[[ ${1:-} != --help ]] || set -- -h

keep=7 excludes=() checking=
while getopts ck:x:h option; do
    case $option in
        c) checking=1 ;;
        k) keep=$OPTARG ;;
        x) excludes+=("--exclude=$OPTARG") ;;
        h)
            usage
            exit 0
            ;;
        *) wrong "no such option" ;;
    esac
done
shift $((OPTIND - 1))

if [[ $checking ]]; then
    [[ $# -eq 1 && -d $1 ]] || wrong "-c takes the folder with archives"
    check "$1"
    exit 0
fi

[[ $keep =~ ^[1-9][0-9]{0,5}$ ]] || wrong "KEEP is not a number above zero: $keep"
[[ $# -eq 2 ]] || wrong "FOLDER and TARGET are needed"
[[ -d $1 ]] || wrong "not a folder: $1"
[[ -d $2 && -w $2 ]] || wrong "not a folder that can be written: $2"

folder=$(cd -- "$1" && pwd)
target=$(cd -- "$2" && pwd)
[[ $folder != / ]] || wrong "the root has no name; take its folders one by one"
[[ $target/ != "$folder"/* ]] || wrong "TARGET lies in FOLDER: each archive would hold the others"
name=$(basename -- "$folder")
archive=$name-$(date -u +%Y-%m-%dT%H%M%SZ).tar.gz

# Of two who start at once, one stops here; the lock goes with the process.
exec 9>"$target/.dir-backup.lock"
flock -n 9 || fail "another one runs for $target"

cd -- "$target"
[[ ! -e $archive ]] || fail "$target/$archive is there already"

# A name of its own until it is whole: what is cut off is never taken for a backup.
trap 'rm -f -- "$archive.part"' EXIT
tar -czf "$archive.part" "${excludes[@]}" -C "$(dirname -- "$folder")" -- "$name"
gzip -t <"$archive.part" || fail "the archive cannot be read back: is the disk full?"
mv -- "$archive.part" "$archive"
sha256sum -- "$archive" >"$archive.sha256"

# The date has a fixed form, so that of "home" the archives of "home-old" stay; the glob sorts them.
archives=("$name"-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z.tar.gz)
for ((i = 0; i < ${#archives[@]} - keep; i++)); do
    rm -f -- "${archives[i]}" "${archives[i]}.sha256"
done
echo "$target/$archive"
