#!/bin/sh
# cert-days - Tells how many days certificates are still valid, and warns in time.
#
# Usage: cert-days [-w DAYS] FILE..
#
#   -w DAYS  warn below so many days; 21 if not given
#   -h       this help
#
# FILE holds a certificate in PEM form; of several in one file the first
# counts, which is that of the host. One line each: days, state, file.
#
# Exit codes: 0 all well, 1 one of them ends soon or has ended, 2 wrong usage
# or a file that cannot be read. Fit for cron: quiet lines, a clear code.
#
# SPDX-License-Identifier: MIT-0
set -u

usage() {
    echo "usage: cert-days [-w DAYS] FILE.."
}

fail() {
    echo "cert-days: $*" >&2
    exit 2
}

[ "${1:-}" != --help ] || set -- -h

warn=21
while getopts hw: option; do
    case $option in
        w) warn=$OPTARG ;;
        h)
            usage
            exit 0
            ;;
        *) fail "no such option; try --help" ;;
    esac
done
shift $((OPTIND - 1))

case $warn in
    '' | *[!0-9]*) fail "DAYS is not a number: $warn" ;;
esac
[ $# -ge 1 ] || fail "no FILE; try --help"
command -v openssl >/dev/null 2>&1 || fail "openssl is not installed"

# Days since 1970 of a date such as "Jun  1 12:00:00 2030 GMT", without date(1),
# whose options differ between systems.
days_of() {
    echo "$1" | awk '{
        month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3
        year = $4
        if (month <= 2) { year--; month += 12 }
        # The calendar as a sum: a year begins in March, so the odd day comes last.
        print 365 * year + int(year / 4) - int(year / 100) + int(year / 400) \
            + int((153 * (month - 3) + 2) / 5) + $2 - 1 - 719468
    }'
}

today=$(($(date +%s) / 86400))
code=0
for file; do
    if ! end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null); then
        echo "cert-days: no certificate in PEM form: $file" >&2
        code=2
        continue
    fi
    left=$(($(days_of "${end#notAfter=}") - today))
    state=ok
    [ "$left" -ge "$warn" ] || state=soon
    [ "$left" -ge 0 ] || state=ended
    [ "$state" = ok ] || [ "$code" -eq 2 ] || code=1
    printf '%6d  %-5s  %s\n' "$left" "$state" "$file"
done
exit "$code"
