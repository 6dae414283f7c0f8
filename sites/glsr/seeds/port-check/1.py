#!/usr/bin/env python3
"""port-check - Tells whether TCP ports of hosts can be reached.

Usage: port-check HOST:PORT..

One line each: open or closed. Exit codes: 0 all are open, 1 one is not,
2 wrong usage.

SPDX-License-Identifier: MIT-0
"""
import argparse
import socket
import sys

# Longer than a slow network takes, shorter than patience lasts.
SECONDS = 3.0


def is_open(host, port):
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS):
            return True
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(prog="port-check", description=__doc__.split("\n")[0])
    parser.add_argument("target", nargs="+", metavar="HOST:PORT")
    code = 0
    for target in parser.parse_args().target:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            parser.error(f"not HOST:PORT: {target}")
        reached = is_open(host.strip("[]"), int(port))
        print(f"{'open' if reached else 'closed':6}  {target}")
        code = code if reached else 1
    return code


if __name__ == "__main__":
    sys.exit(main())
