# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads events.def and makes from it the reference page of the log format, and the table of the Python reader.

usage: events.py EVENTS.DEF OUTPUT    (OUTPUT ends in .md or .py)
"""

import pathlib
import re
import sys

SIZES = {"U8": "1 byte", "U16": "2 bytes", "U32": "4 bytes", "U64": "8 bytes", "I32": "4 bytes, signed",
         "I64": "8 bytes, signed", "BYTES": "4-byte length, bytes"}
CLASSES = {
    "POSITION": "moves the position of what follows",
    "INPUT": "reaches the guest on a boundary",
    "VALUE": "is handed to the guest inside an instruction or a timer",
    "SYNC": "a mark that the model predicts; only at the sync levels that have it",
    "NOTE": "has no effect on a replay",
    "HASH": "is compared",
    "END": "is compared",
}


def _rows(text: str, macro: str):
    """The argument texts of each MACRO(...) at the start of a line, brackets and strings respected."""
    for match in re.finditer(rf"(?m)^{macro}\(", text):
        depth, start, parts, at, quoted = 1, match.end(), [], match.end(), False
        while depth:
            char = text[at]
            if char == '"' and text[at - 1] != "\\":
                quoted = not quoted
            elif not quoted:
                depth += (char == "(") - (char == ")")
                if depth == 0 or (depth == 1 and char == ","):
                    parts.append(text[start:at].strip())
                    start = at + 1
            at += 1
        yield parts


def _string(text: str) -> str:
    return "".join(re.findall(r'"([^"]*)"', text))


def parse(text: str):
    """(events, names): rows of events.def as dictionaries."""
    names = {noun: {int(value): label for value, label in re.findall(r'NAME\(\w+, (\d+), "([^"]+)"\)', rest)}
             for _type, noun, _prefix, rest in _rows(text, "NAMES")}
    events = []
    for name, number, member, title, kind, arguments, doc in _rows(text, "EVENT"):
        fields = [{"name": field.split(",")[0].strip(), "kind": macro,
                   "names": field.split(",")[1].strip() if macro == "ENUM" else None}
                  for macro, field in re.findall(r"(\w+)\(([^)]*)\)", arguments)]
        events.append({"name": name, "id": int(number), "member": member, "title": _string(title), "class": kind,
                       "fields": fields, "doc": _string(doc)})
    if [event["id"] for event in events] != list(range(len(events))):
        raise SystemExit("events.def: ids are not 0, 1, 2, ... in order")
    for event in events:
        if event["class"] not in CLASSES:
            raise SystemExit(f"events.def: {event['name']} has class {event['class']}")
        for field in event["fields"]:
            if field["kind"] not in SIZES and field["names"] not in names:
                raise SystemExit(f"events.def: {event['name']}.{field['name']} has type {field['kind']}({field['names']})")
    return events, names


def _arguments(event) -> str:
    shown = [f"{field['name']}: " + (f"1 byte ({field['names'].replace('_', ' ')})" if field["kind"] == "ENUM"
                                     else SIZES[field["kind"]]) for field in event["fields"]]
    return "; ".join(shown) or "–"


def markdown(events, names, layout: str) -> str:
    lines = ["# The log format", "", "Made from `replay/events.def` and `replay/log-file.h`; do not edit.", "",
             "## The file", "", "```", layout, "```", "",
             "Integers are big-endian. A segment's frame unpacks to events, one after the other; an event never crosses",
             "a segment. The first segment follows the hash (XXH3-128) of the 64-byte header. Rewriting a log by replaying it",
             "gives the same events; where they are cut into segments depends on the host's clock.", "",
             "## Events", "", "An event is its id in one byte, then its arguments.", "",
             "| id | event | class | arguments | when it is written |", "|---|---|---|---|---|"]
    lines += [f"| {event['id']} | {event['title']} | {event['class'].lower()} | {_arguments(event)} | {event['doc']} |"
              for event in events]
    lines += ["", "| class | meaning |", "|---|---|"]
    lines += [f"| {name.lower()} | {meaning} |" for name, meaning in CLASSES.items()]
    for noun, values in names.items():
        lines += ["", f"### {noun.replace('_', ' ')}", "", "| value | name |", "|---|---|"]
        lines += [f"| {value} | {label} |" for value, label in values.items()]
    return "\n".join(lines) + "\n"


def python(events, names) -> str:
    rows = [f"    {event['id']}: ({event['member'].replace('_', '-')!r}, {event['class']!r}, "
            f"{tuple((field['name'].replace('_', '-'), field['kind'], field['names']) for field in event['fields'])!r}),"
            for event in events]
    return "\n".join(["# SPDX-License-Identifier: GPL-2.0-or-later",
                      '"""The events of a log: made from replay/events.def; do not edit."""', "",
                      "# id: (name, class, ((argument, type, names), ...))", "EVENTS = {", *rows, "}", "",
                      "# value: name", f"NAMES = {names!r}", ""])


def _layout(header: str) -> str:
    """The drawing of the file in the opening comment of log-file.h."""
    comment = header.split("/*\n", 1)[1].split("*/", 1)[0]
    lines = [line[3:] if line.startswith(" * ") else "" for line in comment.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("header, 64 bytes"))
    return "\n".join(lines[start:]).rstrip()


def main() -> None:
    source, output = map(pathlib.Path, sys.argv[1:3])
    events, names = parse(source.read_text(encoding="utf-8"))
    if output.suffix == ".md":
        text = markdown(events, names, _layout((source.parent / "log-file.h").read_text(encoding="utf-8")))
    else:
        text = python(events, names)
    output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
