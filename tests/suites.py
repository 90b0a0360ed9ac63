# SPDX-License-Identifier: GPL-2.0-or-later
"""The test suites: what ./dev test can run.  To add one, add a row.

A command's words may hold {build}, {root}, {tests} and {report} (where a JUnit file is wanted).  counted says where the
numbers come from: "junit" (that file, or meson's), or "line" (the last "N passed, N failed" of the output).
With --full a suite resumes by itself: see ledger.py.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    about: str
    quick: tuple[str, ...]              # empty: only with --full
    full: tuple[str, ...] = ()          # empty: the quick run is all there is
    counted: str = "line"
    packages: tuple[str, ...] = ()      # Debian packages of the host
    guests: tuple[str, ...] = ()        # made before, rows of guest/guests.py
    minutes: int = 10                   # time limit of the quick run
    default: bool = True                # part of ./dev test without names


PYTHON = "/usr/bin/python3"
PYTEST = (PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml={report}", "-rs", "-v", "--tb=short")

SUITES = (
    Suite("lint-self", "the lint rules catch what they are for", (*PYTEST, "{tests}/lint"), counted="junit",
          packages=("python3-pytest",), minutes=1),
    Suite("unit", "unit tests of every folder", ("meson", "test", "-C", "{build}", "--no-rebuild", "--print-errorlogs"),
          counted="junit", minutes=6),
    Suite("differential", "every problem-state instruction against qemu-ppc64le and qemu-ppc64", (PYTHON,
          "{tests}/cpu/diff/run.py"), full=(PYTHON, "{tests}/cpu/diff/run.py", "--full"),
          packages=("qemu-user", "gcc-powerpc64le-linux-gnu", "gcc-powerpc64-linux-gnu"), minutes=5),
    Suite("differential32", "every problem-state instruction of the 7447A against qemu-ppc", (PYTHON,
          "{tests}/cpu/diff/run.py", "--cpu", "7447a"), full=(PYTHON, "{tests}/cpu/diff/run.py", "--cpu", "7447a", "--full"),
          packages=("qemu-user", "gcc-powerpc-linux-gnu"), minutes=5),
    Suite("mutations", "mutated messages to the API server; the full count under ASan", (PYTHON,
          "{tests}/api/run_mutations.py"), full=(PYTHON, "{tests}/api/run_mutations.py", "--full"), minutes=2),
    Suite("lock-step", "translator and interpreter on the same random programs, POWER9 and G4", (PYTHON,
          "{tests}/translator/run_lockstep.py"), full=(PYTHON, "{tests}/translator/run_lockstep.py", "--full"), minutes=5),
    Suite("boot-step", "translator and interpreter on the same boots, side by side", (PYTHON,
          "{tests}/translator/run_boot_step.py"), full=(PYTHON, "{tests}/translator/run_boot_step.py", "--full"),
          guests=("tiny", "shell"), minutes=5),
    Suite("dev", "downloads, guests and ledger of ./dev", (*PYTEST, "{tests}/dev"), counted="junit",
          packages=("python3-pytest", "e2fsprogs"), minutes=3),
    Suite("bench", "the benchmark runner: marks, counts, intervals, verdicts", (*PYTEST, "{tests}/bench"), counted="junit",
          packages=("python3-pytest",), guests=("tiny",), minutes=2),
    Suite("daemon", "daemon, worker, command line and Python package", (*PYTEST, "{tests}/daemon"), counted="junit",
          packages=("python3-pytest",), guests=("tiny",), minutes=5),
    Suite("bare", "bare-metal tests of privileged behaviour", (PYTHON, "{tests}/guest/bare/run_bare.py"),
          packages=("gcc-powerpc64le-linux-gnu",)),
    Suite("bare32", "bare-metal tests of the 7400 and the 7447A", (PYTHON, "{tests}/guest/bare32/run_bare32.py"),
          packages=("gcc-powerpc-linux-gnu",), minutes=6),
    Suite("bare32-qemu", "the same programs on qemu-system-ppc, with its known departures from the manuals",
          (PYTHON, "{tests}/guest/bare32/run_bare32.py", "--qemu"), packages=("gcc-powerpc-linux-gnu", "qemu-system-ppc"),
          minutes=3, default=False),
    Suite("shapes", "replays in many shapes, injected errors, whole snapshots", (PYTHON, "{tests}/machine/run_shapes.py"),
          full=(PYTHON, "{tests}/machine/run_shapes.py"), guests=("tiny",), minutes=5),
    Suite("snapshots", "snapshots at random places: a fresh process has the future of the run that was never saved", (PYTHON,
          "{tests}/machine/run_snapshots.py"), full=(PYTHON, "{tests}/machine/run_snapshots.py", "--full"),
          guests=("tiny", "shell", "disk"), minutes=5),
    Suite("snapshot-kills", "200 kills in the middle of a save, a load or a delete", (),
          full=(*PYTEST, "{tests}/e2e/test_snapshot_kills.py"), counted="junit", packages=("python3-pytest",),
          guests=("tiny",)),
    Suite("bare-qemu", "the same programs on qemu-system-ppc64, with its known departures from the book",
          (PYTHON, "{tests}/guest/bare/run_bare.py", "--qemu"), packages=("gcc-powerpc64le-linux-gnu", "qemu-system-ppc"),
          minutes=10, default=False),
    Suite("e2e", "a small guest, Debian's kernel, refusals: recorded and replayed", (*PYTEST, "{tests}/e2e",
          "--ignore={tests}/e2e/test_dynamic.py", "--ignore={tests}/e2e/test_installer.py",
          "--ignore={tests}/e2e/test_display.py", "--ignore={tests}/e2e/test_network.py",
          "--ignore={tests}/e2e/test_gdb.py", "--ignore={tests}/e2e/test_sound.py", "--ignore={tests}/e2e/test_console.py", "--ignore={tests}/e2e/test_debugging.py", "--ignore={tests}/e2e/test_disks.py",
          "--ignore={tests}/e2e/test_display_installer.py", "--ignore={tests}/e2e/test_display_web.py"), counted="junit",
          packages=("python3-pytest",), guests=("tiny", "shell", "disk"), minutes=8),
    Suite("display", "screen, keyboard, pointers and viewers, with Debian's drivers in the guest and a stock viewer",
          (*PYTEST, "{tests}/e2e/test_display.py"), counted="junit",
          packages=("python3-pytest", "python3-gi", "gir1.2-gtk-vnc-2.0", "vncsnapshot", "gcc-powerpc64le-linux-gnu",
                    "libc6-dev-ppc64el-cross"), guests=("shell",), minutes=10),
    Suite("sound", "a sine played, a WAV captured, by Debian's snd-ens1370 and alsa-utils; recorded and replayed", (*PYTEST,
          "{tests}/e2e/test_sound.py"), counted="junit", packages=("python3-pytest", "e2fsprogs"), guests=("shell", "sound"),
          minutes=5),
    Suite("console", "logins on virtio consoles, named ports, random bytes, by Debian's drivers; recorded and replayed",
          (*PYTEST, "{tests}/e2e/test_console.py"), counted="junit", packages=("python3-pytest",), guests=("shell",), minutes=5),
    Suite("disks", "fio with verification, discards, several disks, a kill, a full host, qcow2; recorded and replayed", (PYTHON,
          "{tests}/e2e/run_disks.py", "-p", "no:cacheprovider", "--junitxml={report}", "-rs", "-v", "--tb=short"),
          counted="junit", packages=("python3-pytest", "e2fsprogs", "util-linux", "qemu-utils"), guests=("shell", "disk", "fio"), minutes=10),
    Suite("network", "DHCP, names, files, forwarded ports, wires, taps, a killed helper; recorded, and replayed without a network", (PYTHON,
          "{tests}/e2e/run_network.py", "-p", "no:cacheprovider", "--junitxml={report}", "-rs", "-v", "--tb=short"),
          counted="junit", packages=("python3-pytest", "iproute2", "openssh-client", "tcpdump", "util-linux"), guests=("shell", "ssh"), minutes=10),
    Suite("dynamic", "Debian's perl, python3, gzip in the machine and under user-mode emulation",
          (*PYTEST, "{tests}/e2e/test_dynamic.py"), counted="junit", packages=("python3-pytest", "qemu-user"),
          guests=("dynamic",), minutes=8),
    Suite("installer", "Debian's installer boots to its menu, keys are typed, the replay is the same run",
          (*PYTEST, "{tests}/e2e/test_installer.py"), counted="junit", packages=("python3-pytest",),
          guests=("installer",), minutes=45, default=False),
    Suite("display-installer", "Debian's installer on the VGA, driven by a stock viewer; the replay shows the same screens",
          (*PYTEST, "{tests}/e2e/test_display_installer.py"), counted="junit",
          packages=("python3-pytest", "python3-gi", "gir1.2-gtk-vnc-2.0", "vncsnapshot"), guests=("installer",), minutes=45, default=False),
    Suite("display-web", "the screen in Chromium by noVNC: typed at, recorded, replayed; Debian's installer, too",
          (*PYTEST, "{tests}/e2e/test_display_web.py"), counted="junit",
          packages=("python3-pytest", "chromium", "chromium-driver"), guests=("shell", "installer"), minutes=45, default=False),
    Suite("hostile-viewers", "what viewers who misbehave cost the guest, other viewers and clients; takes a quiet machine", (PYTHON,
          "{tests}/e2e/run_hostile.py"), full=(PYTHON, "{tests}/e2e/run_hostile.py", "--pairs", "45"), guests=("shell",),
          minutes=15, default=False),
    Suite("fuzz", "every fuzz target to its full count, with sanitizers; ./dev test unit runs the corpora", (),
          full=(PYTHON, "{tests}/fuzz/run_fuzz.py"), packages=("clang", "libclang-rt-dev", "llvm")),
    Suite("gdb", "gdb-multiarch at a small guest and at Debian's kernel; attached and stopped in a replay",
          (*PYTEST, "-s", "{tests}/e2e/test_gdb.py", "{tests}/e2e/test_debugging.py"), counted="junit", packages=("python3-pytest", "gdb-multiarch", "binutils"),
          guests=("tiny", "shell")),
    Suite("travel-times", "10^10 instructions of Debian's kernel: steps, seeks and searches backwards against their targets", (PYTHON,
          "{tests}/e2e/run_travel_times.py"), guests=("tiny", "shell"), minutes=20, default=False),
    Suite("travel-times-qemu", "the same on QEMU from backports, as far as it can; says what it does not finish", (PYTHON,
          "{tests}/e2e/qemu_travel.py"), packages=("qemu-utils",), guests=("shell",), minutes=20, default=False),
    Suite("e2e-small", "the part of e2e with the small guest, for sanitizers", (*PYTEST, "{tests}/e2e/test_replay.py",
          "{tests}/e2e/test_refusals.py"), counted="junit", packages=("python3-pytest",), guests=("tiny",), minutes=30,
          default=False),
    Suite("travel", "300 seeks; take-overs at 20 places, whose recordings differ from the first typed byte on and replay", (),
          full=(*PYTEST, "{tests}/e2e/test_time_travel.py", "-k", "seeks_forwards or takeover"), counted="junit",
          packages=("python3-pytest",), guests=("tiny",)),
    Suite("e2e-recordings", "100 recordings with random typing, 1,000 random stops", (),
          full=(*PYTEST, "{tests}/e2e/test_replay.py", "-k", "disk_writes or any_moment"), counted="junit",
          packages=("python3-pytest",), guests=("tiny",)),
)
