# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the page for browsers into a folder: our own files, and noVNC of the version that package-lock.json names.

fetch.py FOLDER            exit code 1 if it cannot be had
fetch.py --install FOLDER  for `meson install`: under its prefix; says so and succeeds without npm
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN = ("index.html", "style.css", "viewer.js")
OTHERS = ("core", "vendor", "LICENSE.txt", "docs")


class CannotFetch(Exception):
    pass


def fetch(folder: Path) -> None:
    """npm checks the package's hash against the lock file, and runs nothing of it."""
    npm = shutil.which("npm")
    if not npm:
        raise CannotFetch("there is no npm (Debian package npm)")
    with tempfile.TemporaryDirectory() as work:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work)
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise CannotFetch(f"npm could not get it: {done.stdout.strip()[-400:]}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in OTHERS:
            found = Path(work) / "node_modules/@novnc/novnc" / name
            if found.is_dir():
                shutil.copytree(found, folder / name)
            elif found.exists():
                shutil.copy(found, folder / name)
    for name in OWN:
        shutil.copy(HERE / name, folder / name)


def main() -> int:
    installs = sys.argv[1] == "--install"
    folder = Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / sys.argv[2] if installs else Path(sys.argv[1])
    try:
        fetch(folder)
    except CannotFetch as error:
        print(f"the page for browsers (powerplay vnc --web) is not installed: {error}", file=sys.stderr)
        return 0 if installs else 1
    print(f"installed the page for browsers in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
