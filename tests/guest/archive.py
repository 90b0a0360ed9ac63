# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what guests boot from, byte for byte the same each time and without root: initramfs archives and ext4 images."""

import dataclasses
import gzip
import os
import pathlib
import stat
import subprocess
import tempfile

from dev.common import Failed

TIME = 1700000000           # every file's time
STAMP = "20231114221320"    # the same instant in debugfs' notation
UUID = "5f0e1a52-0f9d-4b57-9f0c-6d1a7c0e2b11"


@dataclasses.dataclass(frozen=True)
class Node:
    """One entry of an archive."""
    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str) -> Node:
    return Node(name, stat.S_IFDIR | 0o755)


def file(name: str, data: bytes, mode: int = 0o644) -> Node:
    return Node(name, stat.S_IFREG | mode, data)


def link(name: str, target: str) -> Node:
    return Node(name, stat.S_IFLNK | 0o777, target.encode())


def character(name: str, major: int, minor: int) -> Node:
    return Node(name, stat.S_IFCHR | 0o600, b"", (major, minor))


def _newc(inode: int, node: Node) -> bytes:
    """One member of a "newc" cpio archive: 13 fields of 8 hex digits, name, data, each padded to 4 bytes."""
    name = node.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(node.mode) else 1
    fields = [inode, node.mode, 0, 0, links, TIME, len(node.data), 0, 0, *node.device, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + name
    return head + b"\0" * (-len(head) % 4) + node.data + b"\0" * (-len(node.data) % 4)


def initramfs(nodes: list[Node]) -> bytes:
    """A gzip-compressed newc archive of the nodes, in the order given."""
    members = [_newc(number, node) for number, node in enumerate(nodes, 1)]
    return gzip.compress(b"".join(members) + _newc(0, Node("TRAILER!!!", 0)), 6, mtime=TIME)


def ext4(path: pathlib.Path, size: str, tree: pathlib.Path) -> None:
    """Makes an ext4 image of the tree's files, all owned by root, with fixed times and order.

    debugfs copies the tree by a sorted script: mke2fs -d would take over order and times of the host's file system.
    """
    with open(path, "wb") as out:
        out.truncate(_bytes(size))
    made = {**os.environ, "E2FSPROGS_FAKE_TIME": str(TIME), "SOURCE_DATE_EPOCH": str(TIME)}
    _tool(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-U", UUID, "-E", f"hash_seed={UUID},root_owner=0:0,"
           "lazy_itable_init=0,lazy_journal_init=0", "-F", str(path)], made)
    with tempfile.NamedTemporaryFile("w", suffix=".debugfs", encoding="utf-8") as script:
        script.write(f"set_current_time {STAMP}\n")
        for folder, folders, names in os.walk(tree):
            folders.sort()
            inside = "/" + os.path.relpath(folder, tree) if folder != str(tree) else ""
            script.writelines(_commands(pathlib.Path(folder, name), f"{inside}/{name}")
                              for name in sorted(folders + names))
        script.flush()
        _tool(["debugfs", "-w", "-f", script.name, str(path)], made)


def _commands(source: pathlib.Path, name: str) -> str:
    info = source.lstat()
    if stat.S_ISLNK(info.st_mode):
        return f'symlink "{name}" "{os.readlink(source)}"\n' + _times(name)
    if stat.S_ISDIR(info.st_mode):
        return f'mkdir "{name}"\n' + _owner(name, info) + _times(name)
    return f'write "{source}" "{name}"\n' + _owner(name, info) + _times(name)


def _owner(name: str, info: os.stat_result) -> str:
    return f'sif "{name}" uid 0\nsif "{name}" gid 0\nsif "{name}" mode 0{info.st_mode:o}\n'


def _times(name: str) -> str:
    return "".join(f'sif "{name}" {field} {STAMP}\n' for field in ("atime", "ctime", "mtime", "crtime"))


def _bytes(size: str) -> int:
    return int(size[:-1]) << {"K": 10, "M": 20, "G": 30}[size[-1]]


def _tool(command: list[str], environment: dict[str, str]) -> None:
    """e2fsprogs report trouble on stderr and debugfs exits 0 all the same."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    wrong = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("debugfs ")]
    if done.returncode != 0 or wrong:
        raise Failed(f"{command[0]} failed ({done.returncode}): {' / '.join(wrong[:4]) or done.stdout[-400:]}")
