# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's unmodified kernel with busybox: processor, disk, date, random numbers, power off; then the same from the log."""

import re
import time

import pytest

from conftest import FAST, digest, record, replay
from guest import guests


def results(console: bytes) -> dict[str, str]:
    """The RESULT lines by job; a job's later lines are joined to its first."""
    found: dict[str, str] = {}
    for job, rest in re.findall(r"^RESULT (\w+) (.*?)\r?$", console.decode(errors="replace"), re.M):
        found[job] = (found.get(job, "") + " " + rest).strip()
    return found


@pytest.fixture(scope="module")
def recorded(request):
    """One recording of all jobs, which the tests of this module look at."""
    lab = request.getfixturevalue("lab")
    image = guests.data_disk()
    before = digest(image)
    disks = [{"id": "hd0", "file": str(image), "format": "raw", "interface": "virtio"}]
    definition = guests.shell().definition("shell", "run=cpuinfo,date,random,disk", clock=FAST, disks=disks, rng=True)
    machine = lab.machine(definition)
    started = time.time()
    facts = record(machine, timeout=400)
    return machine, facts | {"image-before": before, "image-after": digest(image), "started": started, "ended": time.time()}


def test_the_kernel_boots_and_powers_off(recorded):
    console = recorded[1]["console"].decode(errors="replace")
    assert "GUEST-READY" in console and "GUEST-DONE" in console and "Power down" in console
    assert "MODULE-FAILED" not in console


def test_it_sees_a_power9(recorded):
    assert re.search(r"cpu\s*: POWER9", recorded[1]["console"].decode(errors="replace"))
    assert results(recorded[1]["console"])["cpuinfo"].startswith("processors=1 ")


def test_the_ext4_disk_is_written_and_read_back(recorded):
    disk = results(recorded[1]["console"])["disk"]
    assert "hello=hello_from_the_host" in disk and "same=1" in disk and "note=written_by_the_guest" in disk
    # seq 1 40000 | md5sum
    assert "check=1c0f34fee7176dc367bead8f96cba6bc" in disk


def test_the_image_on_the_host_is_unchanged(recorded):
    assert recorded[1]["image-before"] == recorded[1]["image-after"]


def test_the_date_is_the_hosts(recorded):
    text = results(recorded[1]["console"])["date"].removeprefix("utc=")
    seen = time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert recorded[1]["started"] - 2 <= seen <= recorded[1]["ended"] + 60


def test_random_numbers_come_from_the_device(recorded):
    assert "source=virtio_rng" in results(recorded[1]["console"])["random"]


def test_the_replay_gives_the_same_run_date_and_random_numbers_included(recorded):
    machine, facts = recorded
    wanted = {name: facts[name] for name in ("console", "parts", "icount", "hash-points")}
    assert replay(machine) == wanted
    assert digest(guests.data_disk()) == facts["image-before"]
