#!/usr/bin/env python3
"""port-check - Tells whether TCP ports of hosts can be reached, why not, and how fast.

Usage: port-check [-t SECONDS] [-w SECONDS] [--json] HOST:PORT..

HOST is a name or an address, IPv6 in brackets. All are tried at once; lines
come in the order of the arguments: state, milliseconds, target, reason. With -w
it tries again until all are open, for scripts that wait for a service.
Exit codes: 0 all are open, 1 one is not, 2 wrong usage.

SPDX-License-Identifier: MIT-0
"""
import argparse
import concurrent.futures
import json
import socket
import sys
import time

# So many connections at a time: enough to be quick, too few for a flood.
AT_ONCE = 32
# Between two rounds of waiting.
PAUSE_SECONDS = 0.5


def target(text):
    """Host and port of HOST:PORT, for argparse."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise argparse.ArgumentTypeError(f"an IPv6 address belongs in brackets: {text}")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    if not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"no such port: {text}")
    return text, host, int(port)


def seconds(text):
    """A time above zero, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
    return value


def tried(text, host, port, timeout):
    """What became of one connection."""
    start = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=timeout):
            reason = ""
    except socket.gaierror as error:
        reason = f"no address: {error.strerror}"
    except TimeoutError:
        reason = f"no answer within {timeout:g} s"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    return {
        "target": text,
        "open": not reason,
        "ms": round((time.monotonic() - start) * 1000, 1),
        "reason": reason,
    }


def main():
    parser = argparse.ArgumentParser(prog="port-check", description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="+", type=target, metavar="HOST:PORT")
    parser.add_argument("-t", "--timeout", type=seconds, default=3.0, metavar="SECONDS",
                        help="for each connection, 3 if not given")
    parser.add_argument("-w", "--wait", type=seconds, default=None, metavar="SECONDS",
                        help="try again so long")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()

    # A round may end later than that by one timeout.
    until = time.monotonic() + (arguments.wait or 0)
    with concurrent.futures.ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        while True:
            jobs = [pool.submit(tried, *one, arguments.timeout) for one in arguments.targets]
            results = [job.result() for job in jobs]
            if all(result["open"] for result in results) or time.monotonic() >= until:
                break
            time.sleep(PAUSE_SECONDS)

    for result in results:
        if arguments.json:
            print(json.dumps(result))
        else:
            state = "open" if result["open"] else "closed"
            print(f"{state:6}  {result['ms']:8.1f} ms  {result['target']}  {result['reason']}".rstrip())
    return 0 if all(result["open"] for result in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
