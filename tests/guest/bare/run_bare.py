#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the bare-metal tests and runs them: on our machine, or with --qemu on qemu-system-ppc64.

    run_bare.py [--qemu] [--keep FOLDER] [GROUP...]

Each group-*.c is one image for each byte order of the program. A test prints PASS or FAIL with its name; an image that
does not get to DONE counts as one more failure. On QEMU, what DEVIATIONS names may fail: it says which part of the
book (Power ISA 3.0B unless said otherwise) QEMU 7.2 departs from; a listed test that passes is reported too.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CROSS = "powerpc64le-linux-gnu-"
SECONDS = 120
ORDERS = ("big", "little")

QEMU = ("qemu-system-ppc64 -M pseries,x-vof=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off "
        "-cpu POWER9 -m 512 -nodefaults -nographic -serial stdio -monitor none -no-reboot -kernel").split()

# group, pattern of test names (all of it), section, what QEMU does
DEVIATIONS = (
    ("program", r"illegal-(mfsr|mcrxr)_of_32_bits-.*", "Book III, appendix of phased-out facilities",
     "executes instructions that 64-bit processors no longer have"),
    ("program", r"fscr-(off|on|cause)-dscr_(read|write).*", "Book II, DSCR", "has no SPR 3"),
    ("program", r"fscr-(off|cause)-bctar.*", "Book III, FSCR", "does not look at FSCR.TAR for bctar"),
    ("translate", r"amr-change-needs-no-tlbie.*", "Book III, AMR; synchronization requirements", "keeps translations when AMR changes"),
    ("translate", r"(non-idempotent|tolerant)-(lwarx|ldarx|stwcx)-.*", "III 6.5.3",
     "lets reservations into caching-inhibited storage"),
    ("translate", r"(non-idempotent|tolerant)-dcbz-.*", "III 6.5.8", "clears caching-inhibited blocks"),
    ("translate", r"non-idempotent-fetch.*", "III 6.5.5", "fetches from guarded storage"),
    ("interrupt", r"ail-7-refused", "LoPAR H_SET_MODE", "takes reserved values of AIL"),
    ("interrupt", r"fex-(mtmsrd?|rfid)-(fe0|fe1|both).*", "III 6.5.9, 6.9",
     "waits for a floating-point instruction"),
    ("interrupt", r"rfid-me-stays", "Book III, rfid", "rfid changes ME without HV"),
    ("interrupt", r"dec-at-next-boundary.*", "III 6.5.11",
     "without counting instructions a timer takes some time to fire"),
    ("registers", r"(ctrl-user|sprg3-user|tb|tbu|pvr|purr|spurr|vtb|pir)-privileged-write.*", "Book III, mtspr and mfspr",
     "writing a register that can only be read is no no-operation"),
    ("registers", r".*-user-(read|write)-srr1|pmcc-0-write-pmc[15]-srr1", "III 6.5.9; mtspr, mfspr",
     "says privileged where the instruction is illegal"),
    ("registers", r"(zero|four-write|hypervisor-\w+)-privileged-(read|write)-srr1", "Book III, mtspr and mfspr",
     "says privileged where the hypervisor's emulation assistance says illegal"),
    ("registers", r"s?purr-user-read.*", "Book III, PURR", "lets problem state read PURR and SPURR"),
    ("registers", r"(ppr32-user-(read|write)|value-ppr32|ppr32-is).*", "Book II, PPR32", "has no PPR32"),
    ("registers", r"xer-reserved-bits-are-0", "Book I, XER", "keeps reserved bits of XER"),
    ("registers", r"dscr-user-name", "Book II, DSCR", "has no SPR 3"),
    ("registers", r"uamor-(lets-through|sets-amr)", "Book III, UAMOR", "UAMOR lets nothing through"),
    ("storage", r"unaligned-store-.*", "Book II, store conditional", "undefined by the book: does not look at the address"),
    ("storage", r"(pair|own-store-between)-quad|lqarx-stqcx", "Book II, stqcx.", "stqcx. never succeeds"),
    ("storage", r"reservation-survives-interrupt", "Book II, reservations", "any interrupt clears the reservation"),
    ("storage", r"(lq|stq)-unaligned-.*", "Book I, lq and stq", "does not look at the address of lq and stq"),
    ("storage", r"copy-unaligned-.*", "Book II, copy", "has no copy"),
    ("storage", r"(lmw|stmw|lswi|stswi)-.*-little-endian-dar", "III 6.5.8", "alignment interrupts of these leave DAR"),
    ("storage", r"cross-stxvd2x-.*-stores-nothing", "Book II, atomicity", "half of the vector may be stored (the book lets it)"),
    ("calls", r"xirr-equal-priority", "LoPAR H_XIRR", "accepting when nothing is pending opens CPPR"),
    ("doorbell", r".*", "III 6.5.13", "gives up: directed privileged doorbells are not there"),
)


@dataclasses.dataclass
class Result:
    passed: list[str]
    failed: dict[str, str]      # name: the rest of the line
    done: bool


def build(group: str, order: str, folder: pathlib.Path) -> pathlib.Path:
    """The image of a group for programs of that byte order; the stub that enters it is always big-endian."""
    gcc = [CROSS + "gcc", "-mabi=elfv2", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
           "-Wl,--no-warn-rwx-segments"]
    base = folder / f"{group}-{order}"
    linked, payload, image = (base.with_suffix(suffix) for suffix in (".linked", ".payload", ".elf"))
    subprocess.run([*gcc, f"-m{order}", "-mcpu=power9", "-mno-altivec", "-mno-vsx", "-msoft-float", "-O2", "-g", "-Wall",
                    "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-ffreestanding", "-fno-builtin",
                    "-fno-pic", "-mcmodel=medium", "-fno-stack-protector", "-I", HERE.parents[2], "-T",
                    HERE / "payload.ld", HERE / "run.S", HERE / "bare.c", HERE / "report.c", HERE / f"group-{group}.c", "-o", linked], check=True)
    subprocess.run([CROSS + "objcopy", "-O", "binary", linked, payload], check=True)
    subprocess.run([*gcc, "-mbig", "-T", HERE / "start.ld", f'-DPAYLOAD="{payload}"',
                    f"-DLITTLE={int(order == 'little')}", HERE / "start.S", "-o", image], check=True)
    return image


def execute(command: list[str]) -> Result:
    """What the image says; a run that takes too long says what it said until then."""
    try:
        text = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=SECONDS, check=False).stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
    result = Result([], {}, False)
    for line in text.decode(errors="replace").replace("\r", "").split("\n"):
        words = line.split(" ", 2)
        if words[0] == "PASS" and len(words) > 1:
            result.passed.append(words[1])
        elif words[0] == "FAIL" and len(words) > 1:
            result.failed[words[1]] = words[2] if len(words) > 2 else ""
        elif line == "DONE":
            result.done = True
    if not result.done:
        result.failed["image-ends"] = "the image did not get to its end"
    return result


def deviation(group: str, name: str):
    """The row of DEVIATIONS that lets this test fail on QEMU, or None."""
    for row in DEVIATIONS:
        if row[0] == group and re.fullmatch(row[1], name):
            return row
    return None


def judge(group: str, order: str, result: Result, qemu: bool, used: set) -> tuple[int, int]:
    """Prints what failed; the numbers of passed and failed tests."""
    known = {}
    if qemu:
        known = {name: row for name in result.failed if (row := deviation(group, name))}
        used.update(known.values())
    for name, rest in result.failed.items():
        if name not in known:
            print(f"FAIL {group} {order}: {name} {rest}")
    failed = len(result.failed) - len(known)
    note = f", {len(known)} known deviations" if known else ""
    print(f"{group} {order}: {len(result.passed)} passed, {failed} failed{note}")
    return len(result.passed), failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--qemu", action="store_true", help="run on qemu-system-ppc64 instead of our machine")
    parser.add_argument("--keep", type=pathlib.Path, help="build here and leave the images")
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    options = parser.parse_args()
    every = sorted(path.stem.removeprefix("group-") for path in HERE.glob("group-*.c"))
    unknown = set(options.groups) - set(every)
    if unknown:
        parser.error(f"there is no group {' '.join(sorted(unknown))}; there are {' '.join(every)}")
    runner = QEMU if options.qemu else [os.path.join(os.environ.get("POWERPLAY_BUILD", "build"),
                                                     "tests/guest/bare/bare-machine")]
    for needed in (CROSS + "gcc", runner[0]):
        if not shutil.which(needed):
            print(f"run_bare: {needed} is missing")
            return 2
    passed = failed = 0
    used = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for group in options.groups or every:
            for order in ORDERS:
                result = execute([*runner, str(build(group, order, folder))])
                counts = judge(group, order, result, options.qemu, used)
                passed, failed = passed + counts[0], failed + counts[1]
    if options.qemu:
        for row in DEVIATIONS:
            state = "seen" if row in used else "NOT SEEN" if row[0] in (options.groups or every) else "not run"
            print(f"deviation {state}: {row[0]} {row[1]} ({row[2]}): {row[3]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
