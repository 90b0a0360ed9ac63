#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that is made from api/schema/*.json.

    generate.py SCHEMA-DIRECTORY OUTPUT...

What an output is made of follows from its name, see OUTPUTS at the end. A schema is refused when a
command, event, type or member has no text, or names a type that does not exist.
"""

import json
import re
import sys
from pathlib import Path

SCOPES = ("machine", "daemon")
BUILTIN = {  # schema type: (C kind, C declaration, Python type, QMP's builtin, QMP's JSON type)
    "string": ("API_TYPE_STRING", "char *", "str", "str", "string"),
    "int": ("API_TYPE_INT", "int64_t ", "int", "int", "int"),
    "size": ("API_TYPE_SIZE", "uint64_t ", "int", "size", "int"),
    "bool": ("API_TYPE_BOOL", "bool ", "bool", "bool", "boolean"),
    "number": ("API_TYPE_NUMBER", "double ", "float", "number", "number"),
    "object": ("API_TYPE_OBJECT", "JsonNode *", "Dict[str, Any]", "object", "object"),
    "any": ("API_TYPE_ANY", "JsonNode *", "Any", "any", "value"),
}
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"


KEYWORDS = {"default", "from", "register", "restrict", "static", "switch", "volatile"}


def c_name(name: str) -> str:
    """A member's or a value's name as C and Python can have it."""
    return name.replace("-", "_") + ("_" if name in KEYWORDS else "")


class SchemaError(Exception):
    pass


class Member:
    def __init__(self, where, name, entry):
        require_keys(f"{where}.{name}", entry, {"type", "doc"}, {"optional", "minimum", "maximum"})
        self.name = name
        self.doc = entry["doc"]
        self.is_array = isinstance(entry["type"], list)
        self.type = entry["type"][0] if self.is_array else entry["type"]
        self.optional = entry.get("optional", False)
        self.minimum, self.maximum = entry.get("minimum", 0), entry.get("maximum", 0)
        self.c_name = c_name(name)


class Type:
    def __init__(self, name, entry):
        require_keys(name, entry, {"doc"}, {"enum", "members"})
        self.name, self.doc = name, entry["doc"]
        self.values = entry.get("enum")
        self.members = members_of(name, entry.get("members", {}))
        if (self.values is None) == ("members" not in entry):
            raise SchemaError(f"{name}: needs either 'enum' or 'members'")
        for value, doc in (self.values or {}).items():
            require_text(f"{name}.{value}", doc)


class Command:
    def __init__(self, name, entry, group):
        require_keys(name, entry, {"doc", "scope"}, {"arguments", "returns", "async", "aliases"})
        self.name, self.doc, self.group = name, entry["doc"], group
        self.scopes = entry["scope"]
        arguments = entry.get("arguments", {})
        self.argument_type = arguments if isinstance(arguments, str) else None
        self.members = [] if self.argument_type else members_of(name, arguments)
        returns = entry.get("returns")
        self.returns_array = isinstance(returns, list)
        self.returns = returns[0] if self.returns_array else returns
        self.is_async = entry.get("async", False)
        self.aliases = entry.get("aliases", [])
        self.c_name = c_name(name)


class Event:
    def __init__(self, name, entry, group):
        require_keys(name, entry, {"doc", "scope"}, {"data"})
        self.name, self.doc, self.scopes, self.group = name, entry["doc"], entry["scope"], group
        self.members = members_of(name, entry.get("data", {}))


def require_text(where, text):
    if not isinstance(text, str) or len(text.strip()) < 2:
        raise SchemaError(f"{where}: has no text that says what it is")


def require_keys(where, entry, needed, allowed):
    for key in needed - entry.keys():
        raise SchemaError(f"{where}: lacks '{key}'")
    for key in entry.keys() - needed - allowed:
        raise SchemaError(f"{where}: '{key}' is unexpected")
    require_text(where, entry["doc"])


def members_of(where, entries):
    return [Member(where, name, entry) for name, entry in entries.items()]


class Schema:
    def __init__(self, directory):
        self.types, self.commands, self.events, self.groups = {}, [], [], []
        files = [directory / f"{name}.json" for name in
                 ("protocol", "definition", "machine", "replay", "daemon")]
        for extra in sorted(set(directory.glob("*.json")) - set(files)):
            files.append(extra)
        for file in files:
            self.read(file)
        self.check()

    def read(self, file):
        group = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=refuse_duplicates)
        require_keys(file.name, group, {"title", "doc", "commands"}, {"types", "events"})
        self.groups.append(group)
        for name, entry in group.get("types", {}).items():
            if name in self.types:
                raise SchemaError(f"{file.name}: the type {name} exists already")
            self.types[name] = Type(name, entry)
        self.commands += [Command(n, e, group["title"]) for n, e in group["commands"].items()]
        self.events += [Event(n, e, group["title"]) for n, e in group.get("events", {}).items()]

    def check(self):
        for owner in [*self.types.values(), *self.commands, *self.events]:
            for member in owner.members:
                self.check_type(f"{owner.name}.{member.name}", member.type)
        seen = set()
        for command in self.commands:
            self.check_type(command.name, command.returns or "any")
            self.check_type(command.name, command.argument_type or "any")
            for scope in command.scopes:
                for name in [command.name, *command.aliases]:
                    if (scope, name) in seen or scope not in SCOPES:
                        raise SchemaError(f"{name}: twice in scope '{scope}', or no such scope")
                    seen.add((scope, name))

    def check_type(self, where, name):
        if name not in BUILTIN and name not in self.types:
            raise SchemaError(f"{where}: there is no type '{name}'")

    def in_scope(self, items, scope):
        return [item for item in items if scope in item.scopes]

    def arguments(self, command):
        return self.types[command.argument_type].members if command.argument_type else command.members


def refuse_duplicates(pairs):
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise SchemaError(f"'{name}' is written twice")
    return dict(pairs)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def camel(name):
    return "".join(part.capitalize() for part in re.split(r"[-_]", name))


def c_string(text):
    return json.dumps(text)


# --- C ---

def c_declaration(schema, member):
    named = schema.types.get(member.type)
    if not named:
        base = BUILTIN[member.type][1]
    elif named.values is not None:
        base = f"Api{named.name} "
    else:
        base = f"Api{named.name} "
    lines = [f"    bool has_{member.c_name};"] if member.optional else []
    if member.is_array:
        star = f"{base}*{member.c_name}" if not base.endswith("*") else f"{base}*{member.c_name}"
        lines += [f"    {star};", f"    gsize {member.c_name}_count;"]
    else:
        lines.append(f"    {base}{member.c_name};")
    return lines


def c_struct(schema, name, members, doc):
    body = [line for member in members for line in c_declaration(schema, member)]
    if not body:
        body = ["    char unused;"]
    return [f"/* {doc} */", "typedef struct {", *body, f"}} {name};", ""]


def c_descriptor(schema, c_type, name, members):
    rows = []
    for member in members:
        named = schema.types.get(member.type)
        kind = BUILTIN[member.type][0] if not named else (
            "API_TYPE_ENUM" if named.values is not None else "API_TYPE_STRUCT")
        row = [f".name = {c_string(member.name)}", f".kind = {kind}",
               f".offset = offsetof({c_type}, {member.c_name})"]
        if member.is_array:
            row += [".is_array = true", f".count_offset = offsetof({c_type}, {member.c_name}_count)"]
        row.append(f".has_offset = offsetof({c_type}, has_{member.c_name})" if member.optional
                   else ".has_offset = -1")
        if kind == "API_TYPE_ENUM":
            row.append(f".names = api_{snake(member.type)}_names")
        if kind == "API_TYPE_STRUCT":
            row.append(f".members = &api_{snake(member.type)}_struct")
        if member.minimum != member.maximum:
            row.append(f".minimum = {member.minimum}, .maximum = {member.maximum}")
        rows.append("    { " + ", ".join(row) + " },")
    if not rows:
        return f'{{ {c_string(name)}, sizeof({c_type}), NULL, 0 }}', []
    array = f"{snake(name)}_members"
    return (f"{{ {c_string(name)}, sizeof({c_type}), {array}, G_N_ELEMENTS({array}) }}",
            [f"static const ApiMember {array}[] = {{", *rows, "};"])


def argument_types(schema):
    """Types that commands take, each after those that it uses."""
    done = []

    def visit(name):
        if name in BUILTIN or name in done:
            return
        for member in schema.types[name].members:
            visit(member.type)
        done.append(name)

    for command in schema.commands:
        if command.argument_type:
            visit(command.argument_type)
        for member in command.members:
            visit(member.type)
    return [schema.types[name] for name in done]


def make_types_h(schema):
    lines = [f"/* {SPDX} */", "/* Made from api/schema. */", "#pragma once", "",
             '#include "api/arguments.h"', ""]
    for type_ in argument_types(schema):
        upper = snake(type_.name).upper()
        if type_.values is not None:
            values = [f"    API_{upper}_{snake(value).upper()}, /* {doc} */"
                      for value, doc in type_.values.items()]
            lines += [f"/* {type_.doc} */", "typedef enum {", *values, f"}} Api{type_.name};",
                      f"extern const char *const api_{snake(type_.name)}_names[];", ""]
        else:
            lines += c_struct(schema, f"Api{type_.name}", type_.members, type_.doc)
            lines += [f"extern const ApiStruct api_{snake(type_.name)}_struct;", ""]
    return lines


def make_types_c(schema):
    lines = [f"/* {SPDX} */", '#include "api-types.h"', "", "#include <stddef.h>", ""]
    for type_ in argument_types(schema):
        low = snake(type_.name)
        if type_.values is not None:
            values = ", ".join(c_string(value) for value in type_.values)
            lines += [f"const char *const api_{low}_names[] = {{ {values}, NULL }};",
                      f"G_STATIC_ASSERT(sizeof(Api{type_.name}) == sizeof(int));", ""]
        else:
            row, rows = c_descriptor(schema, f"Api{type_.name}", type_.name, type_.members)
            lines += [*rows, f"const ApiStruct api_{low}_struct = {row};", ""]
    return lines


def c_arguments_name(command):
    return f"Api{command.argument_type}" if command.argument_type else f"{camel(command.name)}Args"


def make_commands_h(schema, scope):
    lines = [f"/* {SPDX} */", "/* Made from api/schema: the commands of a "
             f"{scope}'s socket. Each handler is written by hand. */", "#pragma once", "",
             '#include "api/server.h"', '#include "api-types.h"', "",
             f"extern const ApiTable api_{scope}_table;", ""]
    for command in schema.in_scope(schema.commands, scope):
        if not command.argument_type:
            lines += c_struct(schema, c_arguments_name(command), command.members, command.doc)
        name = c_arguments_name(command)
        if command.is_async:
            lines += [f"void cmd_{command.c_name}(ApiRequest *request, const {name} *arguments);", ""]
        else:
            lines += [f"bool cmd_{command.c_name}(ApiSession *session, const {name} *arguments, "
                      "JsonNode **reply,", "    GError **error);", ""]
    return lines


def c_thunk(command):
    name = c_arguments_name(command)
    lines = [f"static void run_{command.c_name}(ApiRequest *request, const void *data)", "{",
             f"    const {name} *arguments = data;"]
    if command.is_async:
        return lines + [f"    cmd_{command.c_name}(request, arguments);", "}", ""]
    return lines + [
        "    JsonNode *reply = NULL;", "    GError *error = NULL;",
        f"    if (cmd_{command.c_name}(api_request_session(request), arguments, &reply, &error)) {{",
        "        api_request_reply(request, reply);", "    } else {",
        "        api_request_fail(request, error);", "    }", "}", ""]


def make_table_c(schema, scope):
    commands = schema.in_scope(schema.commands, scope)
    lines = [f"/* {SPDX} */", f'#include "api-{scope}-commands.h"', "", "#include <stddef.h>", ""]
    rows = []
    for command in commands:
        if command.argument_type:
            struct = f"&api_{snake(command.argument_type)}_struct"
        else:
            row, members = c_descriptor(schema, c_arguments_name(command), command.name,
                                        command.members)
            lines += [*members, f"static const ApiStruct {command.c_name}_struct = {row};"]
            struct = f"&{command.c_name}_struct"
        lines += c_thunk(command)
        for name in [command.name, *command.aliases]:
            rows.append((name, f"    {{ {c_string(name)}, {struct}, run_{command.c_name} }},"))
    text = json.dumps(introspection(schema, scope))
    pieces = [f"    {c_string(text[i:i + 80])}" for i in range(0, len(text), 80)]
    lines += ["static const ApiCommand commands[] = {",
              *[row for _, row in sorted(rows)], "};", "",
              "static const char schema[] =", *pieces[:-1], pieces[-1] + ";", "",
              f"const ApiTable api_{scope}_table = {{ commands, G_N_ELEMENTS(commands), schema }};"]
    return lines


# --- introspection ---

def introspection(schema, scope):
    wanted, entries = [], []

    def type_name(name, is_array):
        base = BUILTIN[name][3] if name in BUILTIN else name
        if base not in wanted:
            wanted.append(base)
        if is_array and f"[{base}]" not in wanted:
            wanted.append(f"[{base}]")
        return f"[{base}]" if is_array else base

    def members(items):
        out = []
        for item in items:
            entry = {"name": item.name, "type": type_name(item.type, item.is_array)}
            if item.optional:
                entry["default"] = None
            out.append(entry)
        return out

    def implicit(name, items):
        entries.append({"name": name, "meta-type": "object", "members": members(items)})
        return name

    for command in schema.in_scope(schema.commands, scope):
        argument = command.argument_type or implicit(f"q_obj_{command.name}-arg", command.members)
        result = type_name(command.returns, command.returns_array) if command.returns \
            else implicit(f"q_obj_{command.name}-ret", [])
        if command.argument_type:
            type_name(command.argument_type, False)
        for name in [command.name, *command.aliases]:
            entries.append({"name": name, "meta-type": "command", "arg-type": argument,
                            "ret-type": result})
    for event in schema.in_scope(schema.events, scope):
        entries.append({"name": event.name, "meta-type": "event",
                        "arg-type": implicit(f"q_obj_{event.name}-arg", event.members)})
    qmp_builtin = {row[3]: row[4] for row in BUILTIN.values()}
    for name in wanted:  # grows while types bring in their members' types
        if name.startswith("["):
            entries.append({"name": name, "meta-type": "array", "element-type": name[1:-1]})
        elif name == "object":
            entries.append({"name": name, "meta-type": "object", "members": []})
        elif name in qmp_builtin:
            entries.append({"name": name, "meta-type": "builtin", "json-type": qmp_builtin[name]})
        elif schema.types[name].values is not None:
            values = list(schema.types[name].values)
            entries.append({"name": name, "meta-type": "enum", "values": values,
                            "members": [{"name": value} for value in values]})
        else:
            entries.append({"name": name, "meta-type": "object",
                            "members": members(schema.types[name].members)})
    return entries


# --- Python ---

def py_type(schema, name, is_array=False):
    if name is None:
        return "None"
    named = schema.types.get(name)
    base = BUILTIN[name][2] if not named else ("str" if named.values is not None else name)
    return f"List[{base}]" if is_array else base


def py_typed_dict(schema, type_):
    needed = [m for m in type_.members if not m.optional]
    optional = [m for m in type_.members if m.optional]

    def body(members):
        return ", ".join(f'"{m.name}": "{py_type(schema, m.type, m.is_array)}"' for m in members)

    if not optional:
        return [f'{type_.name} = TypedDict("{type_.name}", {{{body(needed)}}})']
    return [f'_{type_.name} = TypedDict("_{type_.name}", {{{body(needed)}}})',
            f'_{type_.name}Optional = TypedDict(',
            f'    "_{type_.name}Optional", {{{body(optional)}}}, total=False)', "", "",
            f"class {type_.name}(_{type_.name}, _{type_.name}Optional):",
            f'    """{type_.doc}"""']


def py_method(schema, command, is_async):
    members = schema.arguments(command)
    parameters = ["self"]
    parameters += [f"{m.c_name}: {py_type(schema, m.type, m.is_array)}" for m in members
                   if not m.optional]
    optional = [m for m in members if m.optional]
    if optional:
        parameters += ["*"] + [
            f"{m.c_name}: Optional[{py_type(schema, m.type, m.is_array)}] = None" for m in optional]
    result = py_type(schema, command.returns, command.returns_array)
    pairs = ", ".join(f'"{m.name}": {m.c_name}' for m in members)
    texts = [f"        {m.c_name}: {m.doc}" for m in members]
    doc = [f'        """{command.doc}', *([""] + texts if texts else []), '        """']
    if not texts:
        doc = [f'        """{command.doc}"""']
    keyword, wait = ("async def", "await ") if is_async else ("def", "")
    call = f'{wait}self.execute("{command.name}", _given({{{pairs}}}))'
    body = f"        {call}" if result == "None" else f"        return cast({result}, {call})"
    name = command.c_name
    return [f"    {keyword} {name}({', '.join(parameters)}) -> {result}:", *doc, body, ""]


def make_python(schema):
    lines = [f"# {SPDX}", "# Made from api/schema by api/generate.py.",
             '"""One typed method for each command, and the shapes of their answers."""', "",
             "from typing import Any, Dict, List, Optional, TypedDict, cast", "", "",
             "def _given(arguments: Dict[str, Any]) -> Dict[str, Any]:",
             "    return {name: value for name, value in arguments.items() if value is not None}",
             "", ""]
    for type_ in schema.types.values():
        if type_.values is None:
            lines += [*py_typed_dict(schema, type_), "", ""]
    for scope in SCOPES:
        for is_async in (True, False):
            name = f"{'Async' if is_async else ''}{scope.capitalize()}Commands"
            keyword = "async def" if is_async else "def"
            lines += [f"class {name}:", f'    """The commands of a {scope}\'s socket."""', "",
                      f"    {keyword} execute(self, command: str,",
                      "                arguments: Optional[Dict[str, Any]] = None) -> Any:",
                      "        raise NotImplementedError", ""]
            for command in schema.in_scope(schema.commands, scope):
                lines += py_method(schema, command, is_async)
            lines.append("")
    members = {m.name for c in schema.commands for m in schema.arguments(c)}
    lines += [f"EVENTS = {sorted({e.name for e in schema.events})!r}",
              f"DEFINITION_MEMBERS = {[m.name for m in schema.types['MachineDefinition'].members]!r}",
              f"ARGUMENT_NAMES = {sorted(members)!r}", ""]
    return lines


# --- texts ---

def markdown_members(schema, members):
    if not members:
        return []
    rows = ["", "| member | type | |", "|---|---|---|"]
    for member in members:
        name = f"[{member.type}]" if member.is_array else member.type
        note = " (optional)" if member.optional else ""
        rows.append(f"| `{member.name}` | {name}{note} | {member.doc} |")
    return rows


def make_reference(schema):
    lines = ["# Commands, events and types", "",
             "Made from `api/schema`; do not edit. The wire is QMP's: see `docs/api-changes.md`.", ""]
    for group in schema.groups:
        lines += [f"## {group['title']}", "", group["doc"], ""]
        for command in [c for c in schema.commands if c.group == group["title"]]:
            alias = f" (also `{'`, `'.join(command.aliases)}`)" if command.aliases else ""
            lines += [f"### `{command.name}`{alias}", "", command.doc]
            lines += markdown_members(schema, schema.arguments(command))
            if command.returns:
                shape = f"[{command.returns}]" if command.returns_array else command.returns
                lines += ["", f"Returns {shape}."]
            lines.append("")
        for event in [e for e in schema.events if e.group == group["title"]]:
            lines += [f"### Event `{event.name}`", "", event.doc]
            lines += [*markdown_members(schema, event.members), ""]
        for name in group.get("types", {}):
            type_ = schema.types[name]
            lines += [f"### Type {name}", "", type_.doc]
            if type_.values is not None:
                lines += ["", "| value | |", "|---|---|"]
                lines += [f"| `{value}` | {doc} |" for value, doc in type_.values.items()]
            lines += [*markdown_members(schema, type_.members), ""]
    return lines


def make_dictionary(schema):
    words = {"execute", "arguments", "id", "machine", "exec-oob"}
    for owner in [*schema.commands, *schema.types.values()]:
        words.update(member.name for member in owner.members)
        words.update(getattr(owner, "values", None) or {})
    words.update(name for c in schema.commands for name in [c.name, *c.aliases])
    tokens = [r'"{\"execute\":\""', r'"\"arguments\":{"', r'"\xff"', r'"\\u0000"', r'"1e400"',
              '"18446744073709551615"']
    return [f"# {SPDX}"] + tokens + [json.dumps(json.dumps(word)) for word in sorted(words)]


OUTPUTS = {
    "api-types.h": make_types_h,
    "api-types.c": make_types_c,
    "api-machine-commands.h": lambda s: make_commands_h(s, "machine"),
    "api-machine-table.c": lambda s: make_table_c(s, "machine"),
    "api-daemon-commands.h": lambda s: make_commands_h(s, "daemon"),
    "api-daemon-table.c": lambda s: make_table_c(s, "daemon"),
    "commands.py": make_python,
    "api-reference.md": make_reference,
    "api.dict": make_dictionary,
}


def make(schema_directory, output_name):
    """The text of one output; also used by the Python package in a source checkout."""
    lines = OUTPUTS[output_name](Schema(Path(schema_directory)))
    return "\n".join(lines) + "\n"


def main(arguments):
    try:
        for output in arguments[1:]:
            text = make(arguments[0], Path(output).name)
            Path(output).write_text(text, encoding="utf-8")
    except (SchemaError, KeyError, ValueError) as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
