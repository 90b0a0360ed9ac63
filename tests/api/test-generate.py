#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator refuses a bad schema and makes sound outputs from the good one."""

import ast
import importlib.util
import json
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("generate", ROOT / "api/generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)
SCHEMA = ROOT / "api/schema"


class Refusals(unittest.TestCase):
    def refused(self, group, text):
        with tempfile.TemporaryDirectory() as name:
            for file in SCHEMA.glob("*.json"):
                Path(name, file.name).write_text(file.read_text())
            Path(name, "extra.json").write_text(group if isinstance(group, str) else json.dumps(group))
            with self.assertRaisesRegex(generate.SchemaError, text):
                generate.Schema(Path(name))

    def group(self, **entries):
        return {"title": "T", "doc": "some text", "commands": {}, **entries}

    def test_member_without_text(self):
        command = {"doc": "does", "scope": ["machine"], "arguments": {"a": {"type": "int"}}}
        self.refused(self.group(commands={"x": command}), "x.a: lacks 'doc'")
        command["arguments"]["a"]["doc"] = " "
        self.refused(self.group(commands={"x": command}), "x.a: has no text")

    def test_command_without_text(self):
        self.refused(self.group(commands={"x": {"scope": ["machine"]}}), "x: lacks 'doc'")

    def test_unknown_type(self):
        command = {"doc": "does", "scope": ["machine"], "returns": "Nonsense"}
        self.refused(self.group(commands={"x": command}), "no type 'Nonsense'")

    def test_unknown_key(self):
        command = {"doc": "does", "scope": ["machine"], "retruns": "int"}
        self.refused(self.group(commands={"x": command}), "'retruns' is unexpected")

    def test_command_twice(self):
        command = {"doc": "does", "scope": ["machine"]}
        self.refused(self.group(commands={"stop": command}), "stop: twice")

    def test_member_twice(self):
        self.refused('{"title":"T","doc":"some","commands":{},"doc":"other"}', "written twice")

    def test_value_without_text(self):
        self.refused(self.group(types={"E": {"doc": "an enum", "enum": {"a": ""}}}), "E.a: has no")


class Outputs(unittest.TestCase):
    def test_python_compiles(self):
        ast.parse(generate.make(SCHEMA, "commands.py"))

    def test_every_command_is_in_every_output(self):
        schema = generate.Schema(SCHEMA)
        reference = generate.make(SCHEMA, "api-reference.md")
        for command in schema.commands:
            self.assertIn(f"### `{command.name}`", reference)
            for scope in command.scopes:
                entries = generate.introspection(schema, scope)
                names = [e["name"] for e in entries if e["meta-type"] == "command"]
                self.assertIn(command.name, names)

    def test_introspection_defines_each_type_it_uses_once(self):
        schema = generate.Schema(SCHEMA)
        for scope in generate.SCOPES:
            entries = generate.introspection(schema, scope)
            types = [e["name"] for e in entries if e["meta-type"] not in ("command", "event")]
            self.assertEqual(len(types), len(set(types)))
            for entry in entries:
                used = [entry.get("arg-type"), entry.get("ret-type"), entry.get("element-type")]
                used += [m["type"] for m in entry.get("members", []) if "type" in m]
                for name in used:
                    self.assertTrue(name is None or name in types, name)
            self.assertLess(len(json.dumps(entries)), 256 * 1024)


if __name__ == "__main__":
    unittest.main()
