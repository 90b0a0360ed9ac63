# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents say what is there."""

import re

import pytest

from dev.common import ROOT

PROMISES = re.findall(r"`(tests/[^`:]+): (\w+)`", (ROOT / "docs/SPECIFICATION.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path, name", PROMISES, ids=[name for _, name in PROMISES])
def test_the_test_of_a_promise_exists(path, name):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"\b{name}\b\s*[()]", text) or re.search(rf"\b{name}\)", text), f"{path} has no {name}"


def test_each_promise_names_its_test():
    rows = [line for line in (ROOT / "docs/SPECIFICATION.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) == len(PROMISES) > 20


@pytest.mark.parametrize("page", ["README.md", "docs/ARCHITECTURE.md", "docs/HACKING.md", "docs/SECURITY.md", "tests/README.md"])
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|tests|machine|replay|api|daemon|clients)/[\w./-]*\w\.(?:c|h|py|md|txt|json|def|isa|1|8))`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
