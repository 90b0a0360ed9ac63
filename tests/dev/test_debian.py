# SPDX-License-Identifier: GPL-2.0-or-later
"""Downloads: which entry of the machine is taken, what is taken over from it, and what happens without network."""

import hashlib
import subprocess

import pytest

from dev import debian
from dev.common import Failed

DEB822 = """\
# the distribution
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
Check-Valid-Until: no

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no
"""


@pytest.fixture
def apt(tmp_path):
    """Makes an apt folder of the named files."""
    def make(**files: str):
        (tmp_path / "sources.list.d").mkdir(exist_ok=True)
        for name, text in files.items():
            place = "sources.list" if name == "sources" else "sources.list.d/" + name.replace("__", ".")
            (tmp_path / place).write_text(text, encoding="utf-8")
        return tmp_path
    return make


def test_the_deb822_entry_of_the_suite_is_taken_with_key_and_options(apt):
    entries = debian.machine_entries(apt(debian__sources=DEB822))
    assert [entry.uris for entry in entries] == ["http://mirror.example/debian"]
    text = entries[0].text("bookworm bookworm-backports")
    assert "Suites: bookworm bookworm-backports\n" in text and "Components: main\n" in text
    assert " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n" in text and "Check-Valid-Until: no" in text
    assert "Architectures" not in text and "deb-src" not in text


def test_a_one_line_entry_is_taken_with_its_options(apt):
    line = "deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg trusted=yes] http://m.example/debian bookworm main non-free\n"
    text = debian.machine_entries(apt(sources=line))[0].text("bookworm")
    assert text == ("Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n"
                    "Signed-By: /k/a.gpg /k/b.gpg\nTrusted: yes\n")


@pytest.mark.parametrize("line", [
    "deb https://tool.example/apt cloud-sdk-bookworm main",
    "deb https://tool.example/linux/debian bookworm stable",
    "deb http://m.example/debian bookworm-updates main",
    "deb-src http://m.example/debian bookworm main",
    "# deb http://m.example/debian bookworm main",
    "deb cdrom:[Debian]/ bookworm main",
])
def test_other_entries_are_ignored(apt, line):
    assert debian.machine_entries(apt(sources=line + "\n")) == []


def test_the_archives_own_key_comes_before_a_third_party_with_the_same_suite(apt):
    found = debian.machine_entries(apt(a__list="deb [signed-by=/k/tool.gpg] https://tool.example/apt bookworm main\n",
                                       b__list="deb [signed-by=/k/debian-archive-keyring.gpg] http://m.example/d bookworm main\n"))
    assert [entry.uris for entry in found] == ["http://m.example/d", "https://tool.example/apt"]


class Offline(debian.State):
    """A state whose apt finds nothing: no network and no lists."""

    def update(self):
        self._updated = True

    def _apt(self, tool, *words, **options):
        return subprocess.CompletedProcess([tool, *words], 100, "E: no network\n")


@pytest.fixture
def cold(tmp_path, monkeypatch):
    monkeypatch.setenv("POWERPLAY_CACHE", str(tmp_path / "cache"))
    return Offline("test", "ppc64el", "bookworm")


@pytest.mark.parametrize("dependencies", [False, True])
def test_a_cold_cache_without_network_names_each_missing_package(cold, dependencies):
    with pytest.raises(Failed) as failure:
        debian.packages(cold, ["busybox-static", "gzip"], dependencies)
    assert "missing package: busybox-static" in str(failure.value) and "missing package: gzip" in str(failure.value)


def test_what_is_stored_is_used_again_without_network(cold, tmp_path):
    content = b"a package"
    name = hashlib.sha256(content).hexdigest()

    class Online(Offline):
        def resolve(self, names, dependencies):
            return [debian.Package(names[0], "1", name)]

        def fetch(self, found):
            (tmp_path / "cache/packages").mkdir(parents=True, exist_ok=True)
            found[0].path.write_bytes(content)

    first = debian.packages(Online("test", "ppc64el", "bookworm"), ["gzip"])
    assert debian.packages(cold, ["gzip"]) == first
    first[0].path.unlink()
    with pytest.raises(Failed):
        debian.packages(cold, ["gzip"])


def test_the_newest_kernel_is_the_one_with_the_highest_number(cold, monkeypatch):
    names = "linux-image-6.1.0-9-powerpc64le\nlinux-image-6.1.0-47-powerpc64le\nlinux-image-6.1.0-47-powerpc64le-dbg\n"
    monkeypatch.setattr(cold, "_apt", lambda *_, **__: subprocess.CompletedProcess([], 0, names))
    assert cold.newest(r"linux-image-6\.1\.0-[0-9]+-powerpc64le") == "linux-image-6.1.0-47-powerpc64le"
