# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests that tests, demo and benchmarks boot, made from Debian's packages into the cache.

Each is made once per content of its ingredients (packages and the files here): the key of its folder is their hash.
"""

import dataclasses
import hashlib
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable

from dev import debian
from dev.common import Failed, TESTS, busy, cache, locked, run, say
from guest import archive

HERE = pathlib.Path(__file__).parent
KERNEL = r"linux-image-6\.1\.0-[0-9]+-powerpc64le"
BUSYBOX = "busybox-static"
INSTALLER = "debian-installer-12-netboot-ppc64el"
SSH_PACKAGES = ["dropbear-bin"]
FIO_PACKAGES = ["fio", "e2fsprogs"]
FIO_UNUSED = ["usr/share", "usr/bin/perl*", "usr/bin/python*", "usr/lib/python3*", "usr/lib/gcc", "usr/lib/*/perl*", "usr/lib/*/gconv",
              "usr/lib/*/libperl*", "usr/lib/*/gprofng", "var"]
SOUND_PACKAGES = ["alsa-utils", "libasound2", "libasound2-data", "libc6"]
SINE = (1000, 12000, 1.5)   # Hz, largest sample, seconds
ROOT_PACKAGES = ["libc6", "perl-base", "python3-minimal", "coreutils", "gzip"]
CROSS = "powerpc64le-linux-gnu-gcc"

# Module sets of the shell guest, in loading order.  crc32c is a soft dependency of ext4, which names no file.
MODULE_SETS = {
    "pci": ["virtio_pci"],
    "blk": ["virtio_pci", "virtio_blk"],
    "net": ["virtio_pci", "virtio_net"],
    "pktgen": ["virtio_pci", "virtio_net", "pktgen"],
    "rng": ["virtio_pci", "virtio-rng"],
    "ext4": ["crc32c_generic", "crc32c-vpmsum", "ext4"],
    "input": ["virtio_pci", "virtio_input", "evdev"],
    "bochs": ["bochs"],
    "gpu": ["virtio_pci", "virtio-gpu"],
    "sound": ["snd-ens1370"],
    "console": ["virtio_pci", "virtio_console"],
}
ON_DEMAND = {"input", "bochs", "gpu", "pktgen", "sound", "console"}   # not part of mods=all


@dataclasses.dataclass(frozen=True)
class Guest:
    """What a machine definition needs of a guest.  disk: an image to be used read-only or through an overlay."""
    name: str
    kernel: pathlib.Path
    initrd: pathlib.Path | None = None
    disk: pathlib.Path | None = None
    append: str = ""

    def definition(self, name: str, *words: str, memory: str = "512M", **members) -> dict:
        """A machine definition that boots this guest; words are added to the kernel command line."""
        made = {"name": name, "board": "pseries", "cpu": "power9", "memory": memory, "kernel": str(self.kernel),
                "serial": [{"id": "hvc0", "backend": "ring"}]}
        line = " ".join(word for word in (self.append, *words) if word)
        if self.initrd:
            made["initrd"] = str(self.initrd)
        if line:
            made["append"] = line
        if self.disk:
            made["disks"] = [{"id": "hd0", "file": str(self.disk), "format": "raw", "interface": "virtio"}]
        return made | members


def _key(*parts: object) -> str:
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:16]


def _folder_hash(folder: pathlib.Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _key(*(f"{path.relative_to(folder)} {debian.hash_of(path)}" for path in files))


def _once(name: str, make) -> pathlib.Path:
    """The folder cache/name; made by make(folder) under a temporary name and renamed when it is whole."""
    final = cache() / name
    if final.exists():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with locked(cache() / "locks" / final.name):
        if final.exists():
            return final
        temporary = pathlib.Path(tempfile.mkdtemp(dir=final.parent, prefix=".making-"))
        try:
            with busy(f"making {final.name}"):
                make(temporary)
            temporary.chmod(0o755)
            os.replace(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return final


def _unpacked(package: debian.Package) -> pathlib.Path:
    return _once(f"unpacked/{package.name}-{package.sha256[:16]}", lambda folder: debian.unpack(package, folder))


def _package(pattern: str) -> debian.Package:
    return debian.packages(debian.ppc64el(), [pattern])[0]


def _only(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise Failed(f"expected one {pattern} in {folder}, found {len(found)}")
    return found[0]


# --- the installer, unmodified ------------------------------------------------------------------------------------


def installer() -> Guest:
    """Debian's installer: its language menu appears on hvc0."""
    root = _unpacked(_package(INSTALLER))
    initrd = _only(root, "usr/lib/debian-installer/images/12/ppc64el/text/debian-installer/ppc64el/initrd.gz")
    return Guest("installer", initrd.with_name("vmlinux"), initrd, append="console=hvc0")


# --- the shell guest ----------------------------------------------------------------------------------------------


def module_order(tree: pathlib.Path, wanted: list[str]) -> list[pathlib.Path]:
    """The wanted modules and all that they depend on, each after its dependencies, as depmod would order them."""
    files = {path.stem.replace("-", "_"): path for path in sorted(tree.rglob("*.ko"))}
    order: list[pathlib.Path] = []

    def add(name: str) -> None:
        path = files.get(name.replace("-", "_"))
        if path is None:
            raise Failed(f"the kernel package has no module {name}")
        if path in order:
            return
        depends = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for needed in (depends[1].decode().split(",") if depends else []):
            if needed:
                add(needed)
        order.append(path)

    for name in wanted:
        add(name)
    return order


def _shell_nodes(kernel_tree: pathlib.Path, busybox: pathlib.Path) -> list[archive.Node]:
    nodes = [archive.directory(name) for name in ("bin", "dev", "modules")]
    nodes += [archive.character("dev/console", 5, 1), archive.character("dev/null", 1, 3)]
    nodes += [archive.file("bin/busybox", busybox.read_bytes(), 0o755), archive.link("bin/sh", "busybox"),
              archive.file("init", (HERE / "shell/init").read_bytes(), 0o755),
              archive.file("jobs", (HERE / "shell/jobs").read_bytes())]
    inside: dict[pathlib.Path, str] = {}
    for name, wanted in MODULE_SETS.items():
        order = module_order(kernel_tree / "lib/modules", wanted)
        inside |= {path: f"modules/{path.name}" for path in order}
        nodes.append(archive.file(f"modules/{name}", "".join(f"/modules/{path.name}\n" for path in order).encode()))
    nodes.append(archive.file("modules/all", " ".join(name for name in MODULE_SETS if name not in ON_DEMAND).encode() + b"\n"))
    return nodes + [archive.file(name, path.read_bytes()) for path, name in inside.items()]


def shell() -> Guest:
    """Debian's kernel with busybox and the virtio and ext4 modules; see shell/init for its command-line words."""
    kernel, busybox = _package(KERNEL), _package(BUSYBOX)
    tree = _unpacked(kernel)

    def make(folder: pathlib.Path) -> None:
        say("making the shell guest")
        nodes = _shell_nodes(tree, _unpacked(busybox) / "bin/busybox")
        (folder / "initrd.gz").write_bytes(archive.initramfs(nodes))

    key = _key(kernel.sha256, busybox.sha256, _folder_hash(HERE / "shell"), _code())
    folder = _once(f"guests/shell-{key}", make)
    return Guest("shell", _only(tree, "boot/vmlinux-*"), folder / "initrd.gz", append="console=hvc0")


def _code() -> str:
    """The code that makes guests is an ingredient of each."""
    return _key(debian.hash_of(HERE / "archive.py"), debian.hash_of(HERE / "guests.py"))


# --- disks --------------------------------------------------------------------------------------------------------


def data_disk() -> pathlib.Path:
    """A 16 MiB ext4 image with one file, hello.txt.  Never written: copy it, or give it to a machine, which overlays it."""

    def make(folder: pathlib.Path) -> None:
        tree = folder / "tree"
        tree.mkdir()
        (tree / "hello.txt").write_text("hello_from_the_host\n", encoding="ascii")
        (tree / "hello.txt").chmod(0o644)
        archive.ext4(folder / "disk.img", "16M", tree)
        shutil.rmtree(tree)
        (folder / "disk.img").chmod(0o444)

    return _once(f"guests/disk-{_key(_code())}", make) / "disk.img"


def _make_links_relative(root: pathlib.Path) -> None:
    """Absolute links (the dynamic linker's, for one) would lead the host out of the root."""
    for path in root.rglob("*"):
        if path.is_symlink() and os.readlink(path).startswith("/"):
            target = os.path.relpath(root / os.readlink(path).lstrip("/"), path.parent)
            path.unlink()
            path.symlink_to(target)


def root_folder() -> pathlib.Path:
    """The dynamic root as a folder of the host, for user-mode emulation."""
    packages = debian.packages(debian.ppc64el(), ROOT_PACKAGES, dependencies=True)

    def make(folder: pathlib.Path) -> None:
        say(f"unpacking the dynamic root ({len(packages)} packages)")
        for package in packages:
            debian.unpack(package, folder)
        for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("proc", "dev", "tmp", "sys"):
            (folder / name).mkdir(exist_ok=True)
        _make_links_relative(folder)
        shutil.copy(HERE / "dynamic/commands", folder / "commands")

    key = _key(*(package.sha256 for package in packages), _folder_hash(HERE / "dynamic"), _code())
    return _once(f"guests/root-{key}", make)


def dynamic() -> Guest:
    """The shell guest with a disk of dynamically linked Debian programs; run=root does what dynamic/commands says."""
    folder = root_folder()

    def make(image_folder: pathlib.Path) -> None:
        say("making the dynamic root's disk")
        archive.ext4(image_folder / "root.img", "192M", folder)
        (image_folder / "root.img").chmod(0o444)

    image = _once(f"guests/image-{_key(folder.name, _code())}", make) / "root.img"
    return dataclasses.replace(shell(), name="dynamic", disk=image)


def fio() -> Guest:
    """The shell guest with a disk of Debian's fio and e2fsprogs; run=fio works on the second disk, an ext4 image."""
    packages = debian.packages(debian.ppc64el(), FIO_PACKAGES, dependencies=True)

    def make(folder: pathlib.Path) -> None:
        say(f"making the disk with fio ({len(packages)} packages)")
        tree = folder / "tree"
        for package in packages:
            debian.unpack(package, tree)
        for path in (found for pattern in FIO_UNUSED for found in tree.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name in ("proc", "sys", "dev", "tmp", "data"):
            (tree / name).mkdir(exist_ok=True)
        archive.ext4(folder / "fio.img", "256M", tree)
        shutil.rmtree(tree)
        (folder / "fio.img").chmod(0o444)

    image = _once(f"guests/fio-{_key(*(package.sha256 for package in packages), _code())}", make) / "fio.img"
    return dataclasses.replace(shell(), name="fio", disk=image)


def sine(frequency: int, amplitude: int, seconds: float, rate: int = 44100) -> bytes:
    """A WAV file of 16 bits: on the left a sine, on the right it is turned around."""
    frames = bytearray()
    for n in range(round(rate * seconds)):
        value = round(amplitude * math.sin(2 * math.pi * frequency * n / rate))
        frames += struct.pack("<hh", value, -value)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", len(frames) + 36, b"WAVE", b"fmt ", 16, 1, 2, rate, 4 * rate, 4, 16,
                       b"data", len(frames)) + bytes(frames)


def sound() -> Guest:
    """The shell guest with a disk of Debian's alsa-utils and sines of three formats; see run=play and run=capture."""
    packages = debian.packages(debian.ppc64el(), SOUND_PACKAGES)

    def make(folder: pathlib.Path) -> None:
        say("making the disk with alsa-utils")
        tree = folder / "tree"
        for package in packages:
            debian.unpack(package, tree)
        for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/sounds", "usr/lib/powerpc64le-linux-gnu/gconv"):
            shutil.rmtree(tree / name, ignore_errors=True)
        for name in ("proc", "sys", "dev", "tmp"):
            (tree / name).mkdir(exist_ok=True)
        (tree / "sine.wav").write_bytes(sine(*SINE))
        archive.ext4(folder / "sound.img", "48M", tree)
        shutil.rmtree(tree)
        (folder / "sound.img").chmod(0o444)

    image = _once(f"guests/sound-{_key(*(package.sha256 for package in packages), _code())}", make) / "sound.img"
    return dataclasses.replace(shell(), name="sound", disk=image)


def ssh() -> Guest:
    """The shell guest with a disk of Debian's dropbear; run=dhcp,ssh serves root, who has no password, on port 22."""
    packages = debian.packages(debian.ppc64el(), SSH_PACKAGES, dependencies=True)
    busybox = _package(BUSYBOX)

    def make(folder: pathlib.Path) -> None:
        say(f"making the disk with dropbear ({len(packages)} packages)")
        tree = folder / "tree"
        for package in packages:
            debian.unpack(package, tree)
        for name in ("proc", "dev", "tmp", "root", "bin", "etc/dropbear"):
            (tree / name).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(tree / "usr/share", ignore_errors=True)
        shutil.copy(_unpacked(busybox) / "bin/busybox", tree / "bin/busybox")
        for name in ("sh", "uname", "cat", "md5sum"):
            (tree / "bin" / name).symlink_to("busybox")
        (tree / "etc/passwd").write_text("root::0:0:root:/root:/bin/sh\n", encoding="ascii")
        archive.ext4(folder / "ssh.img", "48M", tree)
        shutil.rmtree(tree)
        (folder / "ssh.img").chmod(0o444)

    image = _once(f"guests/ssh-{_key(*(package.sha256 for package in packages), busybox.sha256, _code())}", make) / "ssh.img"
    return dataclasses.replace(shell(), name="ssh", disk=image)


def expected_output() -> str:
    """What dynamic/commands prints on the host, by qemu-ppc64le on the same files: the lines from OUTPUT-BEGIN on."""
    root = root_folder()
    script = f"""
inside() {{ program=$1; shift; qemu-ppc64le -cpu power9 -L {root} {root}$program "$@"; }}
. {root}/commands
for name in $COMMANDS; do echo "OUTPUT-BEGIN $name"; "command_$name"; echo "OUTPUT-END $name"; done
"""

    def make(folder: pathlib.Path) -> None:
        say("running the dynamic root's commands under qemu-ppc64le")
        data = folder / "data"
        done = subprocess.run(["sh", "-c", script], check=False, capture_output=True, text=True,
                              env={**os.environ, "DATA": str(data)})
        if done.returncode != 0 or done.stderr:
            raise Failed(f"qemu-ppc64le could not run the dynamic root: {done.stderr[-400:]}")
        data.unlink()
        (folder / "output").write_text(done.stdout, encoding="utf-8")

    return (_once(f"guests/expected-{_key(root.name, script)}", make) / "output").read_text(encoding="utf-8")


# --- the tiny and the bench guest ---------------------------------------------------------------------------------


def tiny() -> Guest:
    """A bare-metal guest of a few million instructions: see tiny/main.c."""

    def make(folder: pathlib.Path) -> None:
        say("compiling the tiny guest")
        run([CROSS, "-O2", "-g0", "-mcpu=power9", "-mno-altivec", "-mno-vsx", "-msoft-float", "-ffreestanding", "-fno-stack-protector",
             "-fno-pic", "-no-pie", "-nostdlib", "-static", "-Wall", "-Werror", "-Wl,--build-id=none", "-Wl,-T",
             HERE / "tiny/guest.ld", "-o", folder / "tiny", HERE / "tiny/start.S", HERE / "tiny/main.c", HERE / "tiny/disk.c"], quiet=True)

    return Guest("tiny", _once(f"guests/tiny-{_key(_folder_hash(HERE / 'tiny'), _code())}", make) / "tiny")


def bench() -> Guest:
    """The benchmark programs around busybox; see bench/guest/init for its command-line words."""
    source = TESTS / "bench/guest"
    kernel, busybox = _package(KERNEL), _package(BUSYBOX)

    def compile_with(compiler: str, folder: pathlib.Path, name: str, *flags: str, program: str = "bench.c") -> bytes:
        run([compiler, "-O2", "-static", "-ffp-contract=off", *flags, "-o", folder / name, source / program, "-lm"],
            quiet=True)
        return (folder / name).read_bytes()

    def make(folder: pathlib.Path) -> None:
        say("making the bench guest")
        compile_with("gcc", folder, "native")
        text = subprocess.run([folder / "native", "gen", "2000000"], check=True, capture_output=True).stdout
        packed = subprocess.run(["xz", "-6", "-T1", "--check=crc32"], check=True, input=text, capture_output=True)
        nodes = [archive.directory(name) for name in ("bin", "dev", "bench")]
        nodes += [archive.character("dev/console", 5, 1), archive.character("dev/null", 1, 3),
                  archive.file("bin/busybox", (_unpacked(busybox) / "bin/busybox").read_bytes(), 0o755),
                  archive.link("bin/sh", "busybox"),
                  archive.file("init", (source / "init").read_bytes(), 0o755),
                  archive.file("bench/run.sh", (source / "run.sh").read_bytes()),
                  archive.file("bench/bench", compile_with(CROSS, folder, "bench"), 0o755),
                  archive.file("bench/bench-vec", compile_with(CROSS, folder, "bench-vec", "-maltivec"), 0o755),
                  archive.file("bench/bench-own", compile_with(CROSS, folder, "bench-own", program="own.c"), 0o755),
                  archive.file("bench/data.xz", packed.stdout)]
        (folder / "initrd.gz").write_bytes(archive.initramfs(nodes))

    key = _key(kernel.sha256, busybox.sha256, _folder_hash(source), _code())
    folder = _once(f"guests/bench-{key}", make)
    return Guest("bench", _only(_unpacked(kernel), "boot/vmlinux-*"), folder / "initrd.gz", append="console=hvc0")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What makes a guest ready, from which Debian packages, with which programs of the host."""
    make: Callable[[], Guest | pathlib.Path]
    packages: tuple[tuple[list[str], bool], ...] = ()   # of architecture ppc64el; and whether with what they depend on
    host_packages: tuple[str, ...] = ()


_SHELL = (([KERNEL], False), ([BUSYBOX], False))
GUESTS = {
    "installer": Recipe(installer, (([INSTALLER], False),)),
    "shell": Recipe(shell, _SHELL),
    "disk": Recipe(data_disk, (), ("e2fsprogs",)),
    "dynamic": Recipe(dynamic, (*_SHELL, (ROOT_PACKAGES, True)), ("e2fsprogs",)),
    "ssh": Recipe(ssh, (*_SHELL, (SSH_PACKAGES, True)), ("e2fsprogs",)),
    "fio": Recipe(fio, (*_SHELL, (FIO_PACKAGES, True)), ("e2fsprogs",)),
    "sound": Recipe(sound, (*_SHELL, (SOUND_PACKAGES, False)), ("e2fsprogs",)),
    "tiny": Recipe(tiny, (), ("gcc-powerpc64le-linux-gnu",)),
    "bench": Recipe(bench, _SHELL, ("gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross", "gcc", "libc6-dev", "xz-utils")),
}


def prepare(names: Iterable[str]) -> dict[str, Guest | pathlib.Path]:
    """Makes guests ready.  If packages are not to be had, the error names all that are missing for all of them."""
    missing, trouble = [], []
    for name in names:
        for patterns, dependencies in GUESTS[name].packages:
            try:
                debian.packages(debian.ppc64el(), patterns, dependencies)
            except debian.Missing as failure:
                missing += [row for row in failure.names if row not in missing]
                trouble += [row for row in failure.trouble if row not in trouble]
    if missing:
        raise Failed(debian.missing_text(missing, trouble))
    return {name: GUESTS[name].make() for name in names}
