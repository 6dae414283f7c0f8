#!/usr/bin/awk -f
# log-errors - Counts the errors in a system log by program, most first.
#
# Usage: log-errors [-v top=10] [FILE..]
#        awk -v top=20 -f log-errors /var/log/messages
#        log-errors help
#
# Takes the lines of syslog ("Jun  1 12:00:00 host program[42]: text" and those
# with an ISO date) and of "journalctl -o short". A line is an error if its text
# says error, fail, fatal, panic, denied or refused. The last message of each
# program is shown as an example.
#
# SPDX-License-Identifier: MIT-0

BEGIN {
    # "log-errors --help" reaches awk's own options on some systems; "help" never does.
    if (ARGC == 2 && (ARGV[1] == "help" || ARGV[1] == "--help")) {
        print "usage: log-errors [-v top=10] [FILE..]"
        stopped = 1
        exit 0
    }
    if (top == "") top = 10
    if (top !~ /^[1-9][0-9]*$/) {
        print "log-errors: top is not a number above zero: " top > "/dev/stderr"
        stopped = 2
        exit 2
    }
}

{
    # The traditional date has three words, an ISO date one.
    first = ($1 ~ /^[0-9][0-9][0-9][0-9]-/) ? 3 : 5
    if (NF <= first) next
    program = $first
    if (program !~ /:$/) next
    sub(/:$/, "", program)
    sub(/\[[0-9]+\]$/, "", program)

    text = $(first + 1)
    for (i = first + 2; i <= NF; i++) text = text " " $i

    if (tolower(text) ~ /error|fail|fatal|panic|denied|refused/) {
        count[program]++
        last[program] = text
        all++
    }
}

END {
    if (stopped) exit stopped - 1 ? stopped : 0
    # Sorted by picking the greatest, since not every awk can sort; there are few.
    for (shown = 0; shown < top; shown++) {
        best = ""
        for (program in count)
            if (best == "" || count[program] > count[best] ||
                (count[program] == count[best] && program < best)) best = program
        if (best == "") break
        printf "%7d  %-20s  %s\n", count[best], best, substr(last[best], 1, 100)
        delete count[best]
    }
    printf "%7d  in all\n", all
}
