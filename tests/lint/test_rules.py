# SPDX-License-Identifier: GPL-2.0-or-later
"""Each lint rule finds what it is for, and leaves alone what it should."""


import pytest

from lint import rules

HEAD = "/* " + rules.SPDX + " */\n"

BAD = [
    ("layers", "replay/log.c", '#include "machine/cpu/cpu.h"\n'),
    ("layers", "daemon/relay.c", '#include "machine/machine.h"\n'),
    ("layers", "api/lexer.c", '#include "replay/log.h"\n'),
    ("layers", "machine/devices/uart.c", '#include "api/dispatch.h"\n'),
    ("layers", "machine/cpu/mmu.c", '#include "../machine/cpu/cpu.h"\n'),
    ("calls", "machine/timer.c", "int f(void)\n{\n    return time(NULL);\n}\n"),
    ("calls", "machine/timer.c", "    x = clock_gettime(CLOCK_MONOTONIC, &t);\n"),
    ("calls", "replay/log.c", "    g_random_int();\n"),
    ("calls", "replay/log.c", "    x = (uint32_t)random();\n"),
    ("calls", "machine/cpu/float.c", "    r = sqrt(x);\n"),
    ("calls", "machine/x.c", "    g_hash_table_foreach(t, f, NULL);\n"),
    ("calls", "machine/x.c", "    g_mutex_lock(&m);\n"),
    ("calls", "machine/devices/disk.c", "    n = pread(fd, b, 1, 0);\n"),
    ("goto", "api/x.c", "    goto out;\n"),
    ("words", "docs/x.md", "see http://" + "deb.debian" + ".org/debian\n"),
    ("words", "docs/x.md", "in " + "/work" + "/main\n"),
    ("blanks", "README.md", "text \n"),
    ("blanks", "README.md", "text"),
    ("python_syntax", "tests/x.py", "# " + rules.SPDX + "\ndef f(:\n"),
    ("shell_syntax", "dev", "#!/bin/sh\n# " + rules.SPDX + "\nif true; then\n"),
]

GOOD = [
    ("machine/commands/run.c", '#include "api/dispatch.h"\n#include "machine/machine.h"\n#include <glib.h>\n'),
    ("daemon/relay.c", '#include "api/lexer.h"\n#include "daemon/supervisor.h"\n'),
    ("machine/timer.c", "/* time(NULL) would be wrong here */\nstatic const char *s = \"time(\";\n"),
    ("machine/timer.c", "uint64_t timer_time(Timer *t);\nvoid machine_log(int x);\n    machine_time(m);\n"),
    ("machine/devices/disk.c", "    port->read(port);\n    block_read(b, 1);\n"),
    ("daemon/main.c", "    now = time(NULL);\n"),
]


@pytest.mark.parametrize("rule, path, text", BAD)
def test_a_breach_is_found_by_its_rule(rule, path, text):
    head = "" if path.endswith((".md", ".py")) or text.startswith("#!") else HEAD
    found = rules.check(path, head + text, rules.Allowed(""))
    assert [line.split(": ")[1] for line in found] == [rule], found


@pytest.mark.parametrize("path, text", GOOD)
def test_good_text_is_left_alone(path, text):
    assert rules.check(path, HEAD + text, rules.Allowed("")) == []


@pytest.mark.parametrize("path", ["api/x.c", "tests/x.py", "machine/cpu/ppc.isa", "meson.build"])
def test_a_file_without_its_licence_line_is_found(path):
    assert "licence" in rules.check(path, "x = 1\n", rules.Allowed(""))[0]


def test_an_exception_covers_only_its_file_and_rule_and_is_reported_when_unused():
    allowed = rules.Allowed("replay/a.c | calls | clock | stamps the manifest\nreplay/b.c | calls | clock | never\n")
    text = HEAD + "    x = time(NULL);\n"
    assert rules.check("replay/a.c", text, allowed) == []
    assert len(rules.check("replay/c.c", text, allowed)) == 1
    assert [row[0] for row in allowed.unused()] == ["replay/b.c"]


def test_an_exception_without_reason_is_refused():
    with pytest.raises(ValueError):
        rules.Allowed("replay/a.c | calls | clock |\n")
