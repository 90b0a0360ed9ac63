# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev fuzz: libFuzzer over the targets of tests/fuzz (fuzz-NAME.c), one after the other.  It begins with
tests/fuzz/corpus; what it finds goes on in the cache."""

import os

from dev.build import build
from dev.common import BUILD, TESTS, Failed, cache, run, say


OPTIONS = ("-Dfuzz=true", "-Db_lundef=false", "-Db_sanitize=address,undefined")
# A short history of each block: half of a quick target's time goes into it.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:malloc_context_size=6:quarantine_size_mb=16",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "G_DEBUG": "fatal-criticals"}


def targets() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz-") for path in (TESTS / "fuzz").glob("fuzz-*.c"))


def _chosen(arguments) -> list[str]:
    if arguments.seconds < 1:
        raise Failed(f"--seconds {arguments.seconds}: at least 1")
    if arguments.target and arguments.target not in targets():
        raise Failed(f"there is no fuzz target {arguments.target}; targets: {' '.join(targets())}")
    return [arguments.target] if arguments.target else targets()


def packages(arguments) -> list[str]:
    """None beyond the verb's own; what cannot be fuzzed is refused before anything is installed."""
    _chosen(arguments)
    return []


def make(arguments) -> int:
    chosen = _chosen(arguments)
    os.environ.update(SANITIZERS, CC="clang")
    folder = build(BUILD / "fuzz", *OPTIONS,
                   targets=tuple(f"tests/fuzz/fuzz-{name}" for name in chosen))
    for name in chosen:
        corpus = cache() / "fuzz" / name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = TESTS / "fuzz/corpus" / name
        say(f"fuzzing {name} for {arguments.seconds} s")
        run([folder / "tests/fuzz" / f"fuzz-{name}", f"-max_total_time={arguments.seconds}", "-timeout=10",
             "-print_final_stats=1", f"-artifact_prefix={corpus}/crash-", corpus, *([seeds] if seeds.is_dir() else [])])
    say(f"fuzz: {len(chosen)} targets, nothing found")
    return 0
