#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""keymaps.py KEYS.def OUT.c KEYMAP...: C tables from keymap files: which key, with which modifiers, gives a keysym."""

import pathlib
import re
import sys

DEAD = {"`": 0xfe50, "´": 0xfe51, "^": 0xfe52, "~": 0xfe53, "¨": 0xfe57}
COMMON = "common"
SHIFT, ALTGR = 1, 2
COLUMNS = (0, SHIFT, ALTGR, SHIFT | ALTGR)


class KeymapError(Exception):
    pass


def keysym(word: str) -> int | None:
    """X11's number for a column's word; characters beyond Latin-1 are 0x01000000 and their code."""
    if word == "none":
        return None
    if word.startswith("dead:") and word[5:] in DEAD:
        return DEAD[word[5:]]
    if len(word) != 1:
        raise KeymapError(f"{word!r} is neither a character nor none nor dead:X")
    return ord(word) if ord(word) < 0x100 else 0x01000000 + ord(word)


def columns(words: list[str]) -> list[str]:
    if len(words) == 1 and words[0].isalpha() and len(words[0].upper()) == 1:
        return [words[0], words[0].upper()]
    return words


def read(path: pathlib.Path, keys: dict[str, int]) -> dict[int, tuple[int, int]]:
    """Keysym to (key, modifiers).  The last line of a key counts; of several ways, the one with fewest modifiers."""
    lines: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or line.startswith("# "):
            continue
        if words[0] not in keys or not 2 <= len(words) <= (9 if path.stem == COMMON else 5):
            raise KeymapError(f"{path}:{number}: no such key, or a wrong number of columns: {line}")
        lines[words[0]] = words[1:]
    found: dict[int, tuple[int, int]] = {}
    for key, words in lines.items():
        if path.stem == COMMON:
            ways = [(int(word, 16), 0) for word in words]
        else:
            ways = [(keysym(word), modifiers) for word, modifiers in zip(columns(words), COLUMNS)]
        for symbol, modifiers in ways:
            if symbol is not None and modifiers < found.get(symbol, (0, 99))[1]:
                found[symbol] = (keys[key], modifiers)
    return found


def table(name: str, found: dict[int, tuple[int, int]]) -> str:
    rows = "".join(f"    {{ 0x{symbol:x}, {key}, {modifiers} }},\n" for symbol, (key, modifiers) in sorted(found.items()))
    return f"static const KeymapRow rows_{name.replace('-', '_')}[] = {{\n{rows}}};\n"


def main(arguments: list[str]) -> int:
    definitions, out, *paths = (pathlib.Path(argument) for argument in arguments)
    keys = {name: int(code) for name, code in
            re.findall(r'^KEY\("(\w+)", (\d+)\)', definitions.read_text(encoding="utf-8"), re.M)}
    maps = {path.stem: read(path, keys) for path in paths}
    text = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made by keymaps.py. */\n"
    text += '#include "machine/input/keymap.h"\n\n' + "\n".join(table(name, found) for name, found in maps.items())
    entries = "".join(f'    {{ "{name}", rows_{name.replace("-", "_")}, G_N_ELEMENTS(rows_{name.replace("-", "_")}) }},\n'
                      for name in maps)
    text += f"\nconst Keymap keymap_tables[] = {{\n{entries}    {{ NULL, NULL, 0 }},\n}};\n"
    out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeymapError as error:
        sys.exit(f"keymaps.py: {error}")
