# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs of ./dev.  "packages VERB …" prints the Debian packages that a verb needs; the front installs them."""

import argparse
import contextlib
import importlib
import signal
import sys

from dev.common import Failed

# Packages of the host that building takes, and each verb on top of it.
BUILD = ("meson", "ninja-build", "gcc", "libc6-dev", "pkgconf", "libglib2.0-dev", "libjson-glib-dev", "libfdt-dev",
         "libzstd-dev", "libxxhash-dev", "libseccomp-dev", "libpng-dev", "libvncserver-dev", "libslirp-dev",
         "check")
VERBS = {
    "build": BUILD,
    "demo": BUILD,
    "test": BUILD,
    "bench": BUILD,
    "fuzz": (*BUILD, "clang", "libclang-rt-dev", "llvm"),
    "lint": ("clang-format",),
    "format": ("clang-format",),
    "docs": BUILD,
    "sanitize": (*BUILD, "libasan8", "libubsan1", "libtsan2"),
    "guests": (),
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="./dev", allow_abbrev=False)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("build")
    verbs.add_parser("demo")
    test = verbs.add_parser("test")
    test.add_argument("suites", nargs="*", metavar="SUITE")
    test.add_argument("--full", action="store_true", help="the full counts; resumes by the ledger in docs/results")
    test.add_argument("--list", action="store_true", help="name the suites")
    bench = verbs.add_parser("bench")
    bench.add_argument("names", nargs="*", metavar="NAME")
    bench.add_argument("--json", metavar="FILE")
    bench.add_argument("--peer", choices=("qemu", "none"), default="qemu")
    bench.add_argument("--pairs", type=int, default=3, metavar="N", help="rounds; an interval of 95 %% takes 6, a floor 20")
    bench.add_argument("--per-boot", type=int, default=6, metavar="N", help="benchmarks that share one boot")
    bench.add_argument("--engine", choices=("translator", "interpreter"), default="translator",
                       help="what executes the guest in Powerplay; translator unless named")
    bench.add_argument("--daemon", action="store_true", help="run ours through the daemon, not in one process")
    bench.add_argument("--no-count", action="store_true", help="do not count the host's instructions (takes a while)")
    fuzz = verbs.add_parser("fuzz")
    fuzz.add_argument("target", nargs="?", metavar="TARGET", help="a file fuzz-TARGET.c of tests/fuzz; all unless named")
    fuzz.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target; 60 unless given")
    verbs.add_parser("lint")
    verbs.add_parser("format")
    verbs.add_parser("docs")
    sanitize = verbs.add_parser("sanitize")
    sanitize.add_argument("tool", nargs="?", choices=("asan", "tsan", "valgrind"), default="asan")
    sanitize.add_argument("suite", nargs="?")
    guests = verbs.add_parser("guests")
    guests.add_argument("names", nargs="*", metavar="NAME")
    return top


def module(verb: str):
    """The verb's module: make(arguments) does it; packages(arguments), if there, adds to what it needs."""
    return importlib.import_module("dev." + verb)


def needed(arguments: argparse.Namespace) -> list[str]:
    own = getattr(module(arguments.verb), "packages", lambda _: ())
    return sorted({*VERBS[arguments.verb], *own(arguments)})


def main(words: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if words[:1] == ["packages"]:
            # Standard output is a list of packages for the front, whatever argparse has to say.
            with contextlib.redirect_stdout(sys.stderr):
                packages = needed(parser().parse_args(words[1:]))
            print(*packages)
            return 0
        arguments = parser().parse_args(words)
        return module(arguments.verb).make(arguments)
    except Failed as failure:
        print(f"dev: {failure}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("dev: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
