# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs test_disks.py with a small file system of its own mounted, which fills up.  Arguments are pytest's."""

import os
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = """mount -t tmpfs -o size=48m tmpfs "$POWERPLAY_SMALL_FOLDER" || exit 77
exec "$@"
"""


def main() -> int:
    tests = pathlib.Path(__file__).with_name("test_disks.py")
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "-rm", "sh", "-c", SCRIPT, "sh", sys.executable, "-m", "pytest", *sys.argv[1:], tests]
        code = subprocess.run(command, check=False, env={**os.environ, "POWERPLAY_SMALL_FOLDER": folder}).returncode
    if code == 77:
        print("this host lets this user mount nothing (unshare -rm): the tests of disks cannot run")
    return code


if __name__ == "__main__":
    sys.exit(main())
