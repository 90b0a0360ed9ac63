# SPDX-License-Identifier: GPL-2.0-or-later
"""What guests boot from is made byte for byte the same each time, and holds what it should."""

import gzip
import subprocess

import pytest

from dev.common import Failed
from guest import archive, guests


def tree(folder):
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("one\n")
    (folder / "b" / "program").write_text("#!/bin/sh\n")
    (folder / "b" / "program").chmod(0o755)
    (folder / "b" / "link").symlink_to("../a.txt")
    return folder


def debugfs(image, command):
    return subprocess.run(["debugfs", "-R", command, image], check=True, capture_output=True, text=True).stdout


def test_two_disk_images_of_the_same_files_are_equal(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        archive.ext4(tmp_path / f"{name}.img", "8M", tree(tmp_path / name))
    assert (tmp_path / "first.img").read_bytes() == (tmp_path / "second.img").read_bytes()


def test_a_disk_image_holds_the_files_with_modes_and_is_clean(tmp_path):
    (tmp_path / "tree").mkdir()
    archive.ext4(tmp_path / "disk.img", "8M", tree(tmp_path / "tree"))
    assert debugfs(tmp_path / "disk.img", "cat /a.txt") == "one\n"
    program = debugfs(tmp_path / "disk.img", "stat /b/program")
    assert "Mode:  0755" in program and "User:     0" in program and "Type: regular" in program
    assert 'Fast link dest: "../a.txt"' in debugfs(tmp_path / "disk.img", "stat /b/link")
    subprocess.run(["e2fsck", "-fn", tmp_path / "disk.img"], check=True, capture_output=True)


def test_a_file_that_cannot_be_copied_is_an_error(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "big").write_bytes(b"x" * (9 << 20))
    with pytest.raises(Failed):
        archive.ext4(tmp_path / "disk.img", "8M", tmp_path / "tree")


def test_an_initramfs_is_a_newc_archive_that_ends_properly():
    packed = archive.initramfs([archive.directory("bin"), archive.file("bin/x", b"12345", 0o755),
                                archive.link("sh", "bin/x"), archive.character("console", 5, 1)])
    data = gzip.decompress(packed)
    names, at = [], 0
    while at < len(data):
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        at = (at + 110 + fields[11] + 3) & ~3
        names.append((name, oct(fields[1]), data[at:at + fields[6]], (fields[9], fields[10])))
        at = (at + fields[6] + 3) & ~3
    assert names == [("bin", "0o40755", b"", (0, 0)), ("bin/x", "0o100755", b"12345", (0, 0)),
                     ("sh", "0o120777", b"bin/x", (0, 0)), ("console", "0o20600", b"", (5, 1)), ("TRAILER!!!", "0o0", b"", (0, 0))]
    assert packed == archive.initramfs([archive.directory("bin"), archive.file("bin/x", b"12345", 0o755),
                                        archive.link("sh", "bin/x"), archive.character("console", 5, 1)])


def module(folder, name, depends):
    path = folder / "kernel" / f"{name}.ko"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0")


def test_modules_come_after_what_they_depend_on_each_once(tmp_path):
    module(tmp_path, "virtio_ring", "virtio")
    module(tmp_path, "virtio", "")
    module(tmp_path, "virtio-pci", "virtio_ring,virtio,lib")
    module(tmp_path, "lib", "virtio")
    order = [path.stem for path in guests.module_order(tmp_path, ["virtio_pci", "virtio"])]
    assert sorted(order) == ["lib", "virtio", "virtio-pci", "virtio_ring"]
    assert order.index("virtio") < order.index("virtio_ring") < order.index("virtio-pci")
    assert order.index("lib") < order.index("virtio-pci")


def test_a_module_that_the_kernel_lacks_is_an_error(tmp_path):
    module(tmp_path, "virtio", "nothing")
    with pytest.raises(Failed, match="no module nothing"):
        guests.module_order(tmp_path, ["virtio"])
