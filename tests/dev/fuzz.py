# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev fuzz: libFuzzer over the targets that tests/fuzz builds (fuzz-NAME), one after the other.  It begins with
tests/fuzz/corpus; what it finds goes on in the cache."""

import os

from dev.build import build
from dev.common import BUILD, TESTS, Failed, cache, run, say


def make(arguments) -> int:
    if arguments.seconds < 1:
        raise Failed(f"--seconds {arguments.seconds}: at least 1")
    os.environ["CC"] = "clang"
    folder = build(BUILD / "fuzz", "-Dfuzz=true", "-Db_lundef=false", "-Db_sanitize=address,undefined")
    targets = {path.name.removeprefix("fuzz-"): path for path in sorted((folder / "tests/fuzz").glob("fuzz-*"))
               if path.is_file() and os.access(path, os.X_OK)}
    if not targets:
        raise Failed("no fuzz targets are built: tests/fuzz has none yet")
    if arguments.target and arguments.target not in targets:
        raise Failed(f"there is no fuzz target {arguments.target}; targets: {' '.join(targets)}")
    chosen = [arguments.target] if arguments.target else list(targets)
    for name in chosen:
        corpus = cache() / "fuzz" / name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = TESTS / "fuzz/corpus" / name
        say(f"fuzzing {name} for {arguments.seconds} s")
        run([targets[name], f"-max_total_time={arguments.seconds}", "-timeout=10", "-print_final_stats=1",
             f"-artifact_prefix={corpus}/crash-", corpus, *([seeds] if seeds.is_dir() else [])])
    say(f"fuzz: {len(chosen)} targets, nothing found")
    return 0
