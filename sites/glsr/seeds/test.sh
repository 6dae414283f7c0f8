#!/bin/bash
# Runs each seed for real and compares what one sees. Names what it had to skip.
#
# Usage: seeds/test.sh [NAME..]
#
# Exit codes: 0 all that ran are well, 1 one is not, 2 nothing could run.
# $RUBY, $LUA and so on name interpreters that are not in $PATH.
#
# SPDX-License-Identifier: MIT-0
# Single quotes hold scripts for bash -c, file names are our own, an awk may be two words.
# shellcheck disable=SC2012,SC2016,SC2086
set -uo pipefail
export LC_ALL=C

seeds=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0 ran=0 skipped=0

# check NAME CODE PATTERN COMMAND..: the command's exit code, and a regular expression
# that its output (both kinds together) fits; "" for no output at all.
check() {
    local name=$1 code=$2 pattern=$3 out got
    shift 3
    out=$("$@" 2>&1 </dev/null) && got=0 || got=$?
    if [[ $got -ne $code ]] || { [[ -z $pattern && -n $out ]] || ! [[ $out =~ $pattern ]]; }; then
        printf 'FAILED  %s: %s\n  exit %s, wanted %s; wanted text: %s\n%s\n' "$name" "$*" "$got" "$code" "$pattern" "$out"
        failed=$((failed + 1))
    fi
    ran=$((ran + 1))
}

# skip NAME WHY
skip() {
    printf 'SKIPPED %s: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
}

# Whether an interpreter is there.
has() {
    command -v "$1" >/dev/null 2>&1
}

test_disk-usage() {
    local v=$1 f=$work/du
    mkdir -p "$f/big/deep" "$f/small" "$f/-n"
    head -c 400000 /dev/urandom >"$f/big/deep/a"
    head -c 40000 /dev/urandom >"$f/small/b"
    if [[ $v == 1 ]]; then
        check "$2" 0 "/du/big/deep" sh "$3" "$f" 3
        check "$2" 2 "not a folder" sh "$3" "$f/none"
    else
        check "$2" 0 "[0-9]K  $f"$'\n.*'"/big" sh "$3" "$f"
        check "$2" 0 "^ *[0-9.]+K  $f"$'\n'"[^"$'\n'"]*big$" sh "$3" -d 1 -n 2 "$f"
        check "$2" 0 "deep/a" sh "$3" -a "$f"
        check "$2" 2 "COUNT is not" sh "$3" -n 0 "$f"
        check "$2" 2 "no such option" sh "$3" -z
    fi
    check "$2" 0 "^usage: " sh "$3" --help
}

test_with-lock() {
    local locks=$work/locks
    mkdir -p "$locks"
    export LOCK_DIR=$locks
    check "$2" 0 "^done$" sh "$3" job echo "done"
    check "$2" 7 "" sh "$3" job sh -c 'exit 7'
    check "$2" 0 "" find "$locks" -mindepth 1
    # The lock of a process that runs, then of one that is gone.
    mkdir "$locks/with-lock-$(id -u)-job"
    echo $$ >"$locks/with-lock-$(id -u)-job/pid"
    check "$2" 75 "runs already" sh "$3" job true
    sh -c 'echo $$' >"$locks/with-lock-$(id -u)-job/pid"
    check "$2" 0 "^mine$" sh "$3" job echo mine
    check "$2" 2 "not a name" sh "$3" ../x true
    check "$2" 2 "not a number" sh "$3" -w x job true
    check "$2" 0 "^usage: " sh "$3" --help
    unset LOCK_DIR
}

test_cert-days() {
    has openssl || { skip "$2" "openssl is not installed"; return; }
    local f=$work/cert
    mkdir -p "$f"
    local days
    for days in 5 400; do
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$f/key" -out "$f/$days.pem" -days "$days" -subj /CN=x 2>/dev/null
    done
    check "$2" 0 "^ *(399|400)  ok     .*400.pem$" sh "$3" "$f/400.pem"
    check "$2" 1 "^ *[45]  soon   .*5.pem"$'\n'".*ok" sh "$3" "$f/5.pem" "$f/400.pem"
    check "$2" 0 "[45]  ok" sh "$3" -w 3 "$f/5.pem"
    check "$2" 2 "no certificate" sh "$3" "$f/key"
    check "$2" 2 "DAYS is not" sh "$3" -w x "$f/5.pem"
    check "$2" 0 "^usage: " sh "$3" -h
}

test_dir-backup() {
    local v=$1 f=$work/backup-$1 keep=(-k 2)
    mkdir -p "$f/a folder" "$f/target"
    echo text >"$f/a folder/file"
    local old
    for old in 2001-01-01T000000Z 2002-01-01T000000Z; do
        echo x >"$f/target/a folder-$old.tar.gz"
        echo x >"$f/target/a folder-more-$old.tar.gz"
    done
    if [[ $v == 1 ]]; then
        check "$2" 0 "target/a folder-20..-" bash "$3" "$f/a folder" "$f/target" 2
    else
        has flock || { skip "$2" "flock is not installed"; return; }
        check "$2" 0 "target/a folder-20..-" bash "$3" "${keep[@]}" "$f/a folder" "$f/target"
        check "$2" 0 "as they were written: 1$" bash "$3" -c "$f/target"
        check "$2" 2 "lies in FOLDER" bash "$3" "$f" "$f/target"
        check "$2" 2 "KEEP is not" bash "$3" -k 0 "$f/a folder" "$f/target"
    fi
    check "$2" 0 "^2$" bash -c 'ls "$1" | grep -c "^a folder-20.*gz$"' - "$f/target"
    check "$2" 0 "^2$" bash -c 'ls "$1" | grep -c "^a folder-more-.*gz$"' - "$f/target"
    check "$2" 1 "" test -e "$f/target/a folder-2001-01-01T000000Z.tar.gz"
    check "$2" 0 "^text$" bash -c 'tar -xzOf "$(ls "$1"/a\ folder-2[0-9]*.tar.gz | tail -1)" "a folder/file"' - "$f/target"
    if [[ $v == 2 ]]; then
        echo damaged >>"$(ls "$f/target/a folder-2"*.tar.gz | tail -1)"
        check "$2" 1 "damaged archive" bash "$3" -c "$f/target"
    fi
    check "$2" 2 "usage: " bash "$3" "$f/none" "$f/target"
    check "$2" 0 "^usage: " bash "$3" --help
}

test_etc-updates() {
    local v=$1 f=$work/etc-$1
    mkdir -p "$f/ssh"
    check "$2" 0 "" bash "$3" "$f/ssh"
    printf 'a\nb\n' >"$f/ssh/conf"
    printf 'a\nc\nd\n' >"$f/ssh/._cfg0000_conf"
    cp "$f/ssh/conf" "$f/ssh/conf.dpkg-dist"
    check "$2" 1 "_cfg0000_conf.*"$'\n'".*conf.dpkg-dist" bash "$3" "$f"
    if [[ $v == 2 ]]; then
        touch "$f/gone.pacnew"
        check "$2" 1 "conf  \(-1 \+2\)" bash "$3" "$f"
        check "$2" 1 "dpkg-dist  \(same text" bash "$3" "$f"
        check "$2" 1 "gone.pacnew  \(its file is gone\)" bash "$3" "$f"
        check "$2" 1 "^3$" bash "$3" -q "$f"
        check "$2" 1 $'\n'"\+d" bash "$3" -d "$f"
    fi
    check "$2" 2 "not a folder" bash "$3" "$f/none"
    check "$2" 0 "^usage: " bash "$3" --help
}

test_port-check() {
    local python=${PYTHON:-python3} v=$1 port server
    has "$python" || { skip "$2" "python3 is not installed"; return; }
    "$python" -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >"$work/port" &
    server=$!
    until [[ -s $work/port ]]; do kill -0 "$server" || return; sleep 0.05; done
    port=$(<"$work/port")
    check "$2" 0 "^open" "$python" "$3" "127.0.0.1:$port"
    [[ $v == 1 ]] || check "$2" 0 '"open": true' "$python" "$3" --json "127.0.0.1:$port"
    kill "$server"
    wait "$server" 2>/dev/null
    rm "$work/port"
    check "$2" 1 "^closed" "$python" "$3" "127.0.0.1:$port"
    if [[ $v == 2 ]]; then
        check "$2" 1 "connection refused" "$python" "$3" -w 0.1 "127.0.0.1:$port"
        check "$2" 2 "in brackets" "$python" "$3" ::1:80
        check "$2" 2 "not a number of seconds" "$python" "$3" -t 0 a:80
    fi
    check "$2" 2 "not HOST:PORT" "$python" "$3" host
    check "$2" 0 "^usage: " "$python" "$3" --help
}

test_dup-files() {
    has perl || { skip "$2" "perl is not installed"; return; }
    local f=$work/dup
    mkdir -p "$f/x"
    echo same >"$f/a"
    echo same >"$f/x/b c"
    echo diff >"$f/d"
    ln "$f/a" "$f/hard"
    touch "$f/empty" "$f/empty2"
    check "$2" 0 "^$f/(a|hard)"$'\n'"$f/x/b c$" perl "$3" "$f"
    check "$2" 0 "" perl "$3" -m 6 "$f"
    check "$2" 0 "empty"$'\n'"$f/empty2$" perl "$3" -m 0 "$f"
    check "$2" 2 "not a folder" perl "$3" "$f/none"
    check "$2" 2 "usage: " perl "$3"
    check "$2" 0 "^usage: " perl "$3" --help
}

test_log-errors() {
    local awk tried=0 log=$work/log
    cat >"$log" <<'LOG'
Jun  1 12:00:00 host sshd[42]: Failed password for root
Jun  1 12:00:01 host sshd[43]: Failed password for ada
Jun  1 12:00:02 host cron[1]: (root) CMD (true)
2025-06-01T12:00:03+00:00 host kernel: I/O error, dev sdb
rubbish
LOG
    for awk in awk gawk mawk original-awk "busybox awk"; do
        has "${awk%% *}" || continue
        tried=1
        check "$2 ($awk)" 0 "^      2  sshd                  Failed password for ada"$'\n'"      1  kernel .*"$'\n'"      3  in all$" $awk -f "$3" "$log"
        check "$2 ($awk)" 0 "^      2  sshd [^"$'\n'"]*"$'\n'"      3  in all$" $awk -v top=1 -f "$3" "$log"
        check "$2 ($awk)" 2 "top is not" $awk -v top=x -f "$3" "$log"
        check "$2 ($awk)" 0 "^usage: " $awk -f "$3" help
    done
    ((tried)) || skip "$2" "awk is not installed"
}

test_json-pick() {
    local ruby=${RUBY:-ruby} log=$work/lines.json
    has "$ruby" || { skip "$2" "ruby is not installed"; return; }
    printf '%s\n' '{"a":1,"b":{"c":["x\ty","z"]}}' '' '{"a":null}' 'no json' >"$log"
    check "$2" 1 "^1"$'\t'"x y"$'\n\t\n'"json-pick: lines that are no JSON: 1$" "$ruby" "$3" a,b.c.0 "$log"
    check "$2" 1 '^1,\["x\\ty","z"\]'$'\n'"json-pick" "$ruby" "$3" -r -s , a,b.c "$log"
    check "$2" 2 "FIELD" "$ruby" "$3"
    check "$2" 2 "json-pick: " "$ruby" "$3" a "$work/none"
    check "$2" 0 "^usage: " "$ruby" "$3" --help
}

test_word-freq() {
    local lua=${LUA:-lua} text=$work/words
    has "$lua" || { skip "$2" "lua is not installed"; return; }
    printf "The cat's hat. the \303\251t\303\251 'the' end\n" >"$text"
    check "$2" 0 "^      3  the"$'\n'"      1  cat's"$'\n' "$lua" "$3" "$text"
    check "$2" 0 "^      3  the$" "$lua" "$3" -n 1 "$text"
    check "$2" 0 "^      1  cat's$" "$lua" "$3" -l 4 "$text"
    check "$2" 2 "above zero" "$lua" "$3" -n 0 "$text"
    check "$2" 2 "none" "$lua" "$3" "$work/none"
    check "$2" 0 "^usage: " "$lua" "$3" --help
}

test_ini-get() {
    local tclsh=${TCLSH:-tclsh} ini=$work/a.ini
    has "$tclsh" || { skip "$2" "tclsh is not installed"; return; }
    printf 'top=1\n; no\n[ s ]\nport = 80\r\nport=81\nname="a = b"\n[empty]\n' >"$ini"
    check "$2" 0 "^81$" "$tclsh" "$3" "$ini" s port
    check "$2" 0 "^a = b$" "$tclsh" "$3" "$ini" s name
    check "$2" 0 "^1$" "$tclsh" "$3" "$ini" "" top
    check "$2" 0 "^x$" "$tclsh" "$3" "$ini" s none x
    check "$2" 1 "no none in section s" "$tclsh" "$3" "$ini" s none
    check "$2" 0 "^port"$'\n'"name$" "$tclsh" "$3" "$ini" s
    check "$2" 0 "^s"$'\n'"empty$" "$tclsh" "$3" "$ini"
    check "$2" 2 "no such file" "$tclsh" "$3" "$work/none" s port
    check "$2" 0 "^usage: " "$tclsh" "$3" --help
}

test_json-diff() {
    local node=${NODE:-node} f=$work/json
    has "$node" || { skip "$2" "node is not installed"; return; }
    mkdir -p "$f"
    echo '{"a":[1,2,3],"b":{"x y":null},"c":1}' >"$f/1"
    echo '{"c":"1","b":{},"a":[1,3],"__proto__":4}' >"$f/2"
    echo '{"c":1,"b":{"x y":null},"a":[1,2,3]}' >"$f/3"
    check "$2" 1 '^\+ __proto__: 4
~ a\[1\]: 2 -> 3
- a\[2\]: 3
- b\."x y": null
~ c: 1 -> "1"$' "$node" "$3" "$f/1" "$f/2"
    check "$2" 0 "" "$node" "$3" "$f/1" "$f/3"
    check "$2" 1 "" "$node" "$3" -q "$f/1" "$f/2"
    echo '{' >"$f/4"
    check "$2" 2 "is no JSON" "$node" "$3" "$f/1" "$f/4"
    check "$2" 2 "no such file" "$node" "$3" "$f/1" "$f/none"
    check "$2" 0 "^usage: " "$node" "$3" --help
}

cd -- "$seeds" || exit 2
[[ $# -gt 0 ]] || set -- */
for seed; do
    seed=${seed%/}
    for file in "$seed"/[1-9].*; do
        [[ $file == *.minisig ]] && continue
        if ! declare -F "test_$seed" >/dev/null; then
            echo "FAILED  $seed: no test for it"
            failed=$((failed + 1))
            continue
        fi
        version=${file#"$seed"/}
        "test_$seed" "${version%%.*}" "$file" "$seeds/$file"
    done
done

echo "$ran checks, $failed failed, $skipped skipped"
((failed == 0)) || exit 1
((ran > 0)) || exit 2
