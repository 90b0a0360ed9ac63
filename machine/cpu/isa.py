#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads ppc.isa, the description of every instruction, and writes what is made from it.

As a module: load() gives the rows, for test generators and reports.
As a program: isa.py ppc.isa --enum FILE --functions FILE --tables FILE --markdown FILE writes the
row numbers, the declarations of the instruction functions, the C tables and the reference page;
--stubs FILE writes stand-ins for the functions, for tests that only decode, and --coverage FILE an
empty coverage list.
"""

import argparse
import collections
import dataclasses
import os
import re
import sys

FAMILIES = ('p9', 'g4')
FACILITIES = ('none', 'fp', 'vec', 'vsx', 'tm', 'vsx|vec', 'fp|vec')
REGISTERS = ('cr0', 'cr1', 'cr2', 'cr3', 'cr4', 'cr5', 'cr6', 'cr7', 'ca', 'ov', 'so', 'count',
             'lr', 'ctr', 'tar', 'fpscr', 'vscr', 'reserve', 'gprs', 'all')
SUFFIX_FIELDS = {'o': 'OE', '.': 'Rc', 'l': 'LK', 'a': 'AA'}
EXTENSIONS = {'XT': 'TX', 'XTU': 'TX', 'XS': 'SX', 'XA': 'AX', 'XB': 'BX', 'XC': 'CX'}
# Operands made of several fields: kind, high piece(s) first.
COMPOSITES = {'SH6': ('sh6', 'SHH', 'SHL'), 'DX': ('dx', 'DX0', 'DX1', 'DX2'),
              'DCMX7': ('dcmx', 'DCC', 'DCM', 'DCX')}
KINDS = ('gpr', 'base', 'fpr', 'vr', 'vsr', 'crf', 'crb', 'fpf', 'u', 's', 's4', 's16', 'li', 'bd',
         'spr', 'count', 'mb6', 'sh6', 'dx', 'dcmx')
VARIABLE = 255  # a memory size that is not fixed


class IsaError(Exception):
    """The description contradicts itself."""


@dataclasses.dataclass(frozen=True)
class FieldType:
    name: str
    width: int
    kind: str
    role: str


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of one row: bits FIRST to FIRST + WIDTH - 1, book numbering."""
    name: str
    first: int
    width: int
    kind: str
    role: str

    @property
    def shift(self):
        return 32 - self.first - self.width

    def get(self, word):
        return word >> self.shift & ((1 << self.width) - 1)


@dataclasses.dataclass
class Row:
    name: str          # unique; the mnemonic but for a text= tag
    text: str          # the mnemonic
    function: str      # without op_
    section: str
    word: int          # fixed bits
    mask: int          # which bits are fixed
    reserved: int      # which bits are ignored
    fields: list
    operands: list     # operand names in the assembler's order; D(RA0) is two, joined by '('
    families: frozenset
    facility: str
    privilege: str     # '', 'priv' or 'hv'
    reads: set
    writes: set
    load: int          # bytes, VARIABLE, 0
    store: int
    flags: set         # trap end even update
    line: int

    @property
    def symbol(self):
        return 'ISA_' + c_name(self.name).upper()

    def field(self, name):
        return next((f for f in self.fields if f.name == name), None)

    @property
    def loads_gpr(self):
        """True if bits 6-10 name a GPR that memory is read into."""
        return bool(self.load) and any(f.name in ('RT', 'RTp') for f in self.fields)

    def matches(self, word):
        return word & self.mask == self.word

    def encode(self, values=(), reserved=0):
        """The word with the named fields set (the others 0) and the given reserved bits."""
        word = self.word | (reserved & self.reserved)
        for name, value in dict(values).items():
            field = self.field(name)
            if field is None or value >> field.width:
                raise IsaError(f'{self.name}: no field {name} that holds {value}')
            word |= value << field.shift
        return word

    def is_invalid_form(self, word):
        """True for the operand combinations that a POWER9 refuses."""
        target, base = word >> 21 & 31, word >> 16 & 31
        overlaps = self.loads_gpr and target == base
        if 'even' in self.flags:
            indexed = self.loads_gpr and self.field('RB') and target == word >> 11 & 31
            return bool(target & 1 or overlaps or indexed)
        return 'update' in self.flags and (base == 0 or overlaps)


def c_name(name):
    return name.replace('.', '_rc').replace('-', '_')


class Parser:
    def __init__(self, path):
        self.path = path
        self.types = {}
        self.rows = []
        self.section = ''
        self.defaults = []
        self.line = 0

    def fail(self, message):
        raise IsaError(f'{self.path}:{self.line}: {message}')

    def parse(self):
        with open(self.path, encoding='ascii') as lines:
            for self.line, text in enumerate(lines, 1):
                self.parse_line(text.rstrip())
        check_unique(self)
        check_overlap(self)
        return self.rows

    def parse_line(self, text):
        if text.startswith('# ') and self.types:
            self.section = text[2:]
        elif text.startswith('field '):
            _, width, kind, role, *names = text.split()
            for name in names:
                self.types[name] = FieldType(name, int(width), kind, role.strip('-'))
        elif text.startswith('@ '):
            self.defaults = text[2:].split()
        elif text and text[0] != '#':
            columns = re.split(r'\s+\|\s+|\s*\|\s+|\s+\|$', text, maxsplit=3)
            if len(columns) < 3:
                self.fail('a row is NAME | PATTERN | OPERANDS | TAGS')
            columns += [''] * (4 - len(columns))
            self.expand(columns[0].strip(), columns[1], columns[2], columns[3].strip(' |').split())

    def expand(self, template, pattern, operands, tags):
        suffixes = re.findall(r'\[(.)\]', template)
        base = re.sub(r'\[.\]', '', template)
        for choice in range(1 << len(suffixes)):
            taken = [s for i, s in enumerate(suffixes) if choice >> i & 1]
            bits = {SUFFIX_FIELDS[s]: int(s in taken) for s in suffixes}
            self.rows.append(self.build(base + ''.join(taken), pattern, operands, tags, bits))

    def build(self, name, pattern, operands, tags, bits):
        word, mask, reserved, fields = self.parse_pattern(name, pattern, bits)
        row = Row(name, name, c_name(name), self.section, word, mask, reserved, fields,
                  re.findall(r'[A-Za-z0-9]+', operands), frozenset(), 'none', '', set(), set(),
                  0, 0, set(), self.line)
        self.apply_tags(row, tags)
        self.apply_pattern(row, bits)
        self.check_operands(row)
        return row

    def parse_pattern(self, name, pattern, bits):
        word = mask = reserved = 0
        position = 0
        fields = []
        for index, token in enumerate(pattern.split()):
            kind, value, width = 'fixed', 0, 0
            if index == 0:
                value, width = int(token), 6
            elif ':' in token:
                value, width = map(int, token.split(':'))
            elif token[0] == '-':
                kind, width = 'reserved', int(token[1:] or 1)
            elif token in bits:
                value, width = bits[token], 1
            elif token in self.types:
                kind, width = 'field', self.types[token].width
            else:
                self.fail(f'{name}: {token} is no field')
            shift = 32 - position - width
            if shift < 0 or value >> width:
                self.fail(f'{name}: {token} does not fit at bit {position}')
            if kind == 'fixed':
                word |= value << shift
                mask |= (1 << width) - 1 << shift
            elif kind == 'reserved':
                reserved |= (1 << width) - 1 << shift
            else:
                t = self.types[token]
                fields.append(Field(token, position, width, t.kind, t.role))
            position += width
        if position != 32:
            self.fail(f'{name}: the pattern has {position} bits')
        return word, mask, reserved, fields

    def apply_tags(self, row, tags):
        defaults = self.defaults
        if any(t in FAMILIES for t in tags):
            defaults = [t for t in defaults if t not in FAMILIES]
        if any(t in FACILITIES for t in tags):
            defaults = [t for t in defaults if t not in FACILITIES]
        for tag in defaults + tags:
            self.apply_tag(row, tag)
        if not row.families:
            self.fail(f'{row.name}: no family has it')
        if row.function == '-' and 'p9' in row.families:
            self.fail(f'{row.name}: a family that a model has needs a function')

    def apply_tag(self, row, tag):
        key, _, value = tag.partition(':')
        if tag in FAMILIES:
            row.families |= {tag}
        elif tag in FACILITIES:
            row.facility = tag
        elif tag in ('priv', 'hv'):
            row.privilege = tag
        elif tag in ('trap', 'end', 'even'):
            row.flags.add(tag)
        elif key in ('load', 'store'):
            setattr(row, key, VARIABLE if value == '*' else int(value))
        elif key in ('r', 'w', 'rw') and (value in REGISTERS or value == 'cr'):
            names = {f'cr{i}' for i in range(8)} if value == 'cr' else {value}
            if 'r' in key:
                row.reads |= names
            if 'w' in key:
                row.writes |= names
        elif tag.startswith('fn='):
            row.function = tag[3:]
        elif tag.startswith('text='):
            row.text = tag[5:]
        else:
            self.fail(f'{row.name}: unknown tag {tag}')

    @staticmethod
    def apply_pattern(row, bits):
        """Effects that follow from the pattern."""
        if bits.get('OE'):
            row.reads.add('so')
            row.writes |= {'ov', 'so'}
        if bits.get('LK'):
            row.writes.add('lr')
        if bits.get('Rc'):
            if row.facility == 'fp':
                row.reads.add('fpscr')
                row.writes.add('cr1')
            elif row.facility == 'none':
                row.reads.add('so')
                row.writes.add('cr0')
            else:
                row.writes.add('cr6')
        if any(f.name == 'RAU' for f in row.fields) and (row.load or row.store):
            row.flags.add('update')

    def check_operands(self, row):
        for name in row.operands:
            pieces = COMPOSITES[name][1:] if name in COMPOSITES else (name,)
            for piece in pieces:
                if row.field(piece) is None:
                    self.fail(f'{row.name}: the pattern has no field {piece}')


def check_unique(parser):
    seen = {}
    for row in parser.rows:
        if row.name in seen:
            parser.line = row.line
            parser.fail(f'{row.name}: described on line {seen[row.name]} already')
        seen[row.name] = row.line


def check_overlap(parser):
    """No word may match two rows of one family."""
    by_primary = collections.defaultdict(list)
    for row in parser.rows:
        by_primary[row.word >> 26].append(row)
    for rows in by_primary.values():
        for i, one in enumerate(rows):
            for two in rows[:i]:
                if not (one.word ^ two.word) & one.mask & two.mask and one.families & two.families:
                    parser.line = one.line
                    parser.fail(f'{one.name} overlaps {two.name} of line {two.line}')


def load(path=None):
    """The rows of the description, in its order."""
    return Parser(path or os.path.join(os.path.dirname(__file__), 'ppc.isa')).parse()


def slot_class(row, first):
    """How the operand byte for the five bits from FIRST is widened (decode.c)."""
    for f in row.fields:
        if f.first != first:
            continue
        if f.kind == 'vr':
            return 'VMX'
        if f.kind == 'vsr':
            return f'VSX{row.field(EXTENSIONS[f.name]).shift}'
        if f.width == 3:
            return 'CRF'
    return 'PLAIN'


def operand_entry(row, name):
    """One operand for the disassembler: kind, shift, width, shift of the extension bit."""
    extension = 0
    if name in COMPOSITES:
        kind, *pieces = COMPOSITES[name]
        return kind, 0, 0, 0
    field = row.field(name)
    if field.kind == 'vsr':
        extension = row.field(EXTENSIONS[name]).shift
    return field.kind, field.shift, field.width, extension


def register_mask(names):
    return sum(1 << REGISTERS.index(n) for n in names)


def operand_effects(row):
    """Kind and role of the register in each of the four operand positions."""
    result = []
    for first in (6, 11, 16, 21):
        field = next((f for f in row.fields if f.first == first), None)
        if field is None or field.kind not in KINDS[:7]:
            result.append('0')
            continue
        terms = [f'ISA_OPERAND_{field.kind.upper()}']
        role = 'rw' if field.kind == 'crb' and 'w' in field.role else field.role
        terms += [{'r': 'ISA_READ', 'w': 'ISA_WRITE'}[c] for c in role]
        if role == 'w' and 'fpscr' in row.writes and field.kind in ('fpr', 'vr', 'vsr'):
            terms.append('ISA_KEPT')
        result.append(' | '.join(terms))
    return result


def row_flags(row):
    flags = [f'ISA_{t.upper()}' for t in sorted(row.flags)]
    if row.privilege:
        flags.append('ISA_' + row.privilege.upper())
    if row.loads_gpr:
        flags.append('ISA_LOADS_GPR')
    if (row.load or row.store or row.privilege or row.facility != 'none' or 'trap' in row.flags
            or row.flags & {'even', 'update'}):
        flags.append('ISA_MAY_FAULT')
    return ' | '.join(flags) or '0'


def functions(rows):
    """The names of all functions, each once."""
    return dict.fromkeys(row.function for row in rows if row.function != '-')


def write_enum(rows, out):
    out.write('/* Generated from ppc.isa by isa.py. */\n#ifndef MACHINE_CPU_ISA_ROWS_H\n'
              '#define MACHINE_CPU_ISA_ROWS_H\n\ntypedef enum {\n')
    for row in rows:
        out.write(f'    {row.symbol},\n')
    out.write('    ISA_ROW_COUNT\n} IsaRowNumber;\n\n#endif\n')


def write_functions(rows, out):
    out.write('/* Generated from ppc.isa by isa.py. */\n#ifndef MACHINE_CPU_OPS_H\n'
              '#define MACHINE_CPU_OPS_H\n\n#include "machine/cpu/insn.h"\n\n')
    for function in functions(rows):
        out.write(f'ExecStatus op_{function}(Cpu *cpu, const Insn *insn);\n')
    out.write('\n#endif\n')


def write_rows(rows, out):
    out.write('const IsaRow isa_rows[ISA_ROW_COUNT] = {\n')
    for row in rows:
        families = ' | '.join('FAMILY_' + f.upper() for f in sorted(row.families))
        facility = 'FACILITY_' + row.facility.upper().replace('|', '_OR_')
        slots = ', '.join('SLOT_' + slot_class(row, first) for first in (6, 11, 16, 21))
        function = 'NULL' if row.function == '-' else f'op_{row.function}'
        out.write(f'    {{"{row.name}", "{row.text}", {function}, {row.word:#010x}, '
                  f'{row.mask:#010x}, {row.reserved:#010x}, {row_flags(row)}, {families}, '
                  f'{facility}, {{{slots}}}}},\n')
    out.write('};\n\n')


def write_effects(rows, out):
    out.write('const IsaEffects isa_effects[ISA_ROW_COUNT] = {\n')
    for row in rows:
        out.write(f'    {{{register_mask(row.reads):#x}, {register_mask(row.writes):#x}, '
                  f'{{{", ".join(operand_effects(row))}}}, {row.load}, {row.store}}}, '
                  f'/* {row.name} */\n')
    out.write('};\n\n')


def write_operands(rows, out):
    lists = {}
    index = []
    flat = []
    for row in rows:
        entries = tuple(operand_entry(row, name) for name in row.operands)
        if entries not in lists:
            lists[entries] = len(flat)
            flat += entries + (None,)
        index.append(lists[entries])
    out.write('const IsaOperand isa_operands[] = {\n')
    for entry in flat:
        if entry is None:
            out.write('    {ISA_OPERAND_NONE, 0, 0, 0},\n')
        else:
            out.write('    {ISA_OPERAND_%s, %d, %d, %d},\n' % (entry[0].upper(), *entry[1:]))
    out.write('};\n\nconst uint16_t isa_operand_first[ISA_ROW_COUNT] = {\n')
    for start in range(0, len(index), 16):
        out.write('    ' + ', '.join(map(str, index[start:start + 16])) + ',\n')
    out.write('};\n\n')


def write_decoder(rows, out):
    """Level one: the primary opcode; level two: bits 21-31, where rows of that opcode differ there.

    Each leaf is the start of a list of row numbers that ends in ISA_ROW_COUNT.
    """
    lists = {(): 0}
    flat = ['ISA_ROW_COUNT']
    leaves = []
    primaries = []
    for primary in range(64):
        mine = [(i, r) for i, r in enumerate(rows) if r.word >> 26 == primary]
        size = 2048 if any(r.mask & 0x7ff for _, r in mine) else 1
        primaries.append((len(leaves), size - 1))
        for low in range(size):
            found = tuple(i for i, r in mine if not (low ^ r.word) & r.mask & (size - 1))
            if found not in lists:
                lists[found] = len(flat)
                flat += [rows[i].symbol for i in found] + ['ISA_ROW_COUNT']
            leaves.append(lists[found])
    out.write('const IsaPrimary isa_primaries[64] = {\n')
    for start in range(0, 64, 4):
        out.write('    ' + ', '.join('{%d, %d}' % p for p in primaries[start:start + 4]) + ',\n')
    out.write('};\n\nconst uint16_t isa_leaves[] = {\n')
    for start in range(0, len(leaves), 16):
        out.write('    ' + ', '.join(map(str, leaves[start:start + 16])) + ',\n')
    out.write('};\n\nconst uint16_t isa_candidates[] = {\n')
    for item in flat:
        out.write(f'    {item},\n')
    out.write('};\n')


def write_tables(rows, out):
    out.write('/* Generated from ppc.isa by isa.py. */\n#include <stddef.h>\n\n'
              '#include "machine/cpu/isa.h"\n\n')
    write_rows(rows, out)
    write_effects(rows, out)
    write_operands(rows, out)
    write_decoder(rows, out)


def write_stubs(rows, out):
    out.write('/* Generated from ppc.isa by isa.py: functions for tests that only decode. */\n'
              '#include "machine/cpu/ops.h"\n\n')
    for number, function in enumerate(functions(rows)):
        # Each differs from all others, so that no compiler or linker folds two into one.
        out.write(f'ExecStatus op_{function}(Cpu *cpu, const Insn *insn)\n'
                  f'{{\n    return (ExecStatus)({number} + EXEC_REFETCH + 1);\n}}\n\n')


def pattern_text(row):
    bits = []
    for i in range(32):
        bit = 1 << (31 - i)
        bits.append(str(int(bool(row.word & bit))) if row.mask & bit
                    else '/' if row.reserved & bit else '.')
    return ''.join(bits)


def write_markdown(rows, out):
    out.write('# Instructions\n\nMade from `machine/cpu/ppc.isa`. In the pattern `.` is an operand '
              'bit and `/` a bit that the processor ignores.\nRegisters are those that no operand '
              f'names. {len(rows)} rows.\n')
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            out.write(f'\n## {section}\n\n| instruction | operands | pattern | families | needs | '
                      'memory | reads | writes |\n|---|---|---|---|---|---|---|---|\n')
        needs = ' '.join(x for x in (row.facility.replace('|', ' or '), row.privilege)
                         if x and x != 'none')
        memory = ' '.join(f'{k} {"any" if v == VARIABLE else v}'
                          for k, v in (('load', row.load), ('store', row.store)) if v)
        out.write(f'| {row.text} | {",".join(row.operands)} | `{pattern_text(row)}` | '
                  f'{" ".join(sorted(row.families, reverse=True))} | {needs} | {memory} | '
                  f'{" ".join(sorted(row.reads))} | {" ".join(sorted(row.writes))} |\n')


def write_coverage(rows, out):
    """A coverage list: one line per row: name, oracle, cases, outcome, separated by tabs.

    The oracle that a differential test used (such as qemu or host), how many cases it compared, and
    ok, differs or none. A test fills in what it ran; a row that no oracle knows stays as here.
    """
    out.write('# row\toracle\tcases\toutcome\n')
    for row in rows:
        out.write(f'{row.name}\t-\t0\tnone\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('isa')
    parser.add_argument('--enum')
    parser.add_argument('--functions')
    parser.add_argument('--tables')
    parser.add_argument('--markdown')
    parser.add_argument('--stubs')
    parser.add_argument('--coverage')
    arguments = parser.parse_args()
    try:
        rows = load(arguments.isa)
    except IsaError as error:
        sys.exit(f'isa.py: {error}')
    for path, write in ((arguments.enum, write_enum),
                        (arguments.functions, write_functions),
                        (arguments.tables, write_tables),
                        (arguments.markdown, write_markdown), (arguments.stubs, write_stubs),
                        (arguments.coverage, write_coverage)):
        if path:
            with open(path, 'w', encoding='ascii') as out:
                write(rows, out)


if __name__ == '__main__':
    main()
