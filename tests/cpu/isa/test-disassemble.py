#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the decoder and the disassembler with GNU objdump, both ways.

Forward: random operands for every row of ppc.isa must give the same text in both.
Backward: words over all primary and extended opcodes; where one side sees an instruction and the
other does not, the difference must be one of those explained below.

usage: test-disassemble.py ISA-DIRECTORY DISASSEMBLE-WORDS [p9|g4] [--words N]
Exit code 77 and a reason if objdump is missing.
"""

import argparse
import collections
import random
import re
import shutil
import subprocess
import sys
import tempfile

OBJDUMP = 'powerpc64le-linux-gnu-objdump'
DIALECT = {'p9': 'power9,raw', 'g4': '7450,raw'}
# BO values without reserved bits: all, and for bcctr, which does not count. Hint bits differ.
VALID_BO = {'p9': (0, 2, 4, 6, 7, 8, 10, 12, 14, 15, 16, 18, 20, 24, 25, 26, 27),
            'g4': (0, 2, 4, 8, 10, 12, 16, 18, 20)}
VALID_BO_NO_COUNT = {'p9': (4, 6, 7, 12, 14, 15, 20), 'g4': (4, 12, 20)}

# Rows that objdump does not show for the dialect, and why ours has them.
NOT_IN_OBJDUMP = {
    'reserved-nop': 'opcodes that the book reserves as no-operations; newer processors use some',
    'mftb': 'phased out: an alias of mfspr that the processor still executes',
    'lfdp': 'phased out, still executed', 'lfdpx': 'phased out, still executed',
    'stfdp': 'phased out, still executed', 'stfdpx': 'phased out, still executed',
}

# What objdump shows for POWER9 and a POWER9 guest does not have.
REASONS = {
    'coprocessors of POWER7 and 8': ('icswx', 'icswx.', 'pbt.'),
    'not in the book': ('mtsle', 'rmieg'),
    'bridge facility that POWER9 lacks': ('mtsrd', 'mtsrdin'),
    'of 32-bit or older processors': ('rfi', 'eciwx', 'ecowx', 'tlbia', 'dcbi', 'tlbld', 'tlbli'),
    'not on the 7400 family': ('fsqrt', 'fsqrt.', 'fsqrts', 'fsqrts.'),
}
NOT_OURS = {name: reason for reason, names in REASONS.items() for name in names}

# Operand values that the book reserves: the processor acts on some value, objdump refuses.
RESERVED_VALUES = {
    'dcbf': ('L2', (2, 4)), 'sync': ('LS', (3,)), 'wait': ('WC', (1, 2, 3)),
    'slbiag': ('L1', (1,)),
}

# Rows whose later operands objdump leaves out, or adds as a 0, for older processors.
SHORTER_ON_G4 = ('dcbt', 'dcbtst', 'tlbie', 'frsqrte', 'frsqrte.', 'fres', 'fres.', 'mtfsf',
                 'mtfsf.', 'mtfsfi', 'mtfsfi.')


def run_ours(tool, family, words):
    data = b''.join(w.to_bytes(4, 'big') for w in words)
    done = subprocess.run([tool, family], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().splitlines()


def run_objdump(family, words):
    texts = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(b''.join(w.to_bytes(4, 'big') for w in words))
        file.flush()
        command = [OBJDUMP, '-D', '-z', '-b', 'binary', '-m', 'powerpc:common64', '-EB',
                   '-M', DIALECT[family], file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    for line in done.stdout.decode().splitlines():
        columns = line.split('\t')
        if len(columns) >= 3:
            texts.append(' '.join(columns[2].split()))
    return texts


def normalise(text):
    """Drops what objdump prints in its own way."""
    text = re.sub(r'^(mfcr r\d+),-1$', r'\1', text)  # the absent mask of mfcr
    text = re.sub(r'^tendall\.$', 'tend. 1', text)   # an extended mnemonic although raw
    return re.sub(r'0xf{8}([0-9a-f]{8})$', r'0x\1', text)  # absolute targets cut to 32 bits


def same_text(family, ours, theirs):
    ours, theirs = normalise(ours), normalise(theirs)
    if family == 'g4' and ours.split()[0] in SHORTER_ON_G4:
        return ours.startswith(theirs + ',') or theirs.startswith(ours + ',')
    return ours == theirs


def random_operands(family, row):
    values = {f.name: random.getrandbits(f.width) for f in row.fields}
    for name in values:
        if name == 'BO':
            values[name] = random.choice(
                (VALID_BO_NO_COUNT if row.function == 'bcctr' else VALID_BO)[family])
        elif name == 'FXM' and row.text in ('mfocrf', 'mtocrf'):
            values[name] = 1 << random.randrange(8)
        elif name == 'W' and family == 'g4':
            values[name] = 0  # reserved there
        elif name.endswith('p'):
            values[name] &= 30
        elif row.text in RESERVED_VALUES and RESERVED_VALUES[row.text][0] == name:
            values[name] = 0
    return values


def is_refused_by_objdump(row, word):
    """Operands that objdump refuses as invalid forms."""
    if row.is_invalid_form(word):
        return True
    target, base, index = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31
    if 'update' in row.flags:
        return base == 0 or bool(row.load and row.field('RT') and target == base)
    if row.text == 'lmw':
        return base >= target
    if row.text == 'lswi':
        count = ((index or 32) + 3) // 4
        return any((target + i) % 32 == base for i in range(count))
    if row.text == 'lswx':
        return target in (base, index)
    return False


def forward(arguments, rows):
    cases = []
    for row in rows:
        if row.text in NOT_IN_OBJDUMP:
            continue
        made = 0
        while made < arguments.each:
            word = row.encode(random_operands(arguments.family, row))
            if not is_refused_by_objdump(row, word):
                cases.append((row, word))
                made += 1
    words = [word for _, word in cases]
    failures = 0
    for (row, word), ours, theirs in zip(cases, run_ours(arguments.tool, arguments.family, words),
                                         run_objdump(arguments.family, words), strict=True):
        if not same_text(arguments.family, ours, theirs):
            failures += 1
            if failures < 40:
                print(f'{row.name} {word:#010x}: ours "{ours}", '
                      f'objdump "{theirs}"')
    print(f'{arguments.family}: {len(cases)} words of {len(rows)} rows, {failures} differ')
    return failures


def explain(word, ours, theirs, row):
    """Why the two sides differ about a word, or None."""
    theirs_name = theirs.split()[0]
    if row is None:
        return NOT_OURS.get(theirs_name)
    if row.text in NOT_IN_OBJDUMP:
        return NOT_IN_OBJDUMP[row.text]
    if word & row.reserved:
        return 'reserved bits are ignored'
    if row.text in ('mtfsfi', 'mtfsfi.') and theirs_name == '.long' and row.field('W').get(word):
        return 'W of mtfsfi is reserved on older processors'
    if theirs_name != '.long':
        if row.section.startswith('Decimal') and ours.split()[0] == theirs_name:
            return 'odd registers of decimal quads (an illegal instruction either way)'
        return None
    if is_refused_by_objdump(row, word):
        return 'an invalid form'
    if row.field('BO'):
        return 'reserved z and hint bits of BO are ignored; counting bcctr'
    if row.text in ('mfocrf', 'mtocrf'):
        return 'not exactly one field: result undefined, not illegal'
    if row.text in RESERVED_VALUES:
        return 'a reserved operand value'
    if any(f.name.endswith('p') for f in row.fields):
        return 'odd registers of decimal quads (an illegal instruction either way)'
    return None


def backward_words(count):
    """All combinations of primary and low 11 bits, then random words, few of their bits set."""
    for primary in range(64):
        for low in range(2048):
            yield primary << 26 | low
            yield primary << 26 | random.getrandbits(15) << 11 | low
    for _ in range(count):
        word = random.getrandbits(32)
        yield word if random.getrandbits(1) else word & (random.getrandbits(15) << 11 | 0xfc0007ff)


def backward(arguments, rows):
    words = list(backward_words(arguments.words))
    reasons = collections.Counter()
    failures = agreed = 0
    by_primary = collections.defaultdict(list)
    for row in rows:
        by_primary[row.word >> 26].append(row)
    for word, ours, theirs in zip(words, run_ours(arguments.tool, arguments.family, words),
                                  run_objdump(arguments.family, words), strict=True):
        if same_text(arguments.family, ours, theirs):
            agreed += 1
            continue
        row = next((r for r in by_primary[word >> 26] if r.matches(word)), None)
        reason = explain(word, ours, theirs, row)
        if reason:
            reasons[reason] += 1
        else:
            failures += 1
            if failures < 40:
                print(f'{word:#010x}: ours "{ours}", objdump "{theirs}": not explained')
    print(f'{arguments.family}: {len(words)} words, {agreed} agree, {failures} unexplained')
    for reason, number in reasons.most_common():
        print(f'  {number:7} {reason}')
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('isa_directory')
    parser.add_argument('tool')
    parser.add_argument('family', choices=list(DIALECT))
    parser.add_argument('--each', type=int, default=20, help='words per row')
    parser.add_argument('--words', type=int, default=100000, help='random words')
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    if not shutil.which(OBJDUMP):
        print(f'skipped: {OBJDUMP} is not installed (package binutils-powerpc64le-linux-gnu)')
        sys.exit(77)
    sys.path.insert(0, arguments.isa_directory)
    import isa
    random.seed(arguments.seed)
    rows = [row for row in isa.load() if arguments.family in row.families]
    failures = forward(arguments, rows) + backward(arguments, rows)
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
