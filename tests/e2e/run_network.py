# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs test_network.py in a network namespace of its own: its loopback is up, its list of name servers names 127.0.0.1.

Arguments are pytest's.
"""

import pathlib
import subprocess
import sys
import tempfile

SCRIPT = """ip link set lo up && echo nameserver 127.0.0.1 > "$1" && mount --bind "$1" /etc/resolv.conf || exit 77
shift
POWERPLAY_NETWORK_TEST=1 exec "$@"
"""


def main() -> int:
    tests = pathlib.Path(__file__).with_name("test_network.py")
    with tempfile.NamedTemporaryFile() as servers:
        command = ["unshare", "-rnm", "sh", "-c", SCRIPT, "sh", servers.name, sys.executable, "-m", "pytest", *sys.argv[1:], tests]
        code = subprocess.run(command, check=False).returncode
    if code == 77:
        print("this host allows no network namespace to this user (unshare -rnm): the tests of the network cannot run")
    return code


if __name__ == "__main__":
    sys.exit(main())
