#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes vector-golden.def: what every VMX integer and VSX data-movement instruction gives.

An independent implementation is the oracle: `qemu-ppc64le -cpu power9` and `qemu-ppc64 -cpu power9`,
for which vector-oracle.c is built with the cross compilers of Debian. Not run by the build; run it
after adding rows:  tests/cpu/vector/vector-golden.py > tests/cpu/vector/vector-golden.def
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DECIMAL, INDEX, STORAGE, LENGTH, SCALAR, VALID, COUNTED, NO_CR = (1 << n for n in range(8))

# Operands v0 = v1, v2, v3; r6 = r4, r5. {0} is the mnemonic, {i} an immediate.
BINARY = """
vaddubm vadduhm vadduwm vaddudm vsububm vsubuhm vsubuwm vsubudm vaddubs vadduhs vadduws vaddsbs vaddshs
vaddsws vsububs vsubuhs vsubuws vsubsbs vsubshs vsubsws vaddcuw vsubcuw vadduqm vaddcuq vsubuqm vsubcuq
vavgub vavguh vavguw vavgsb vavgsh vavgsw vabsdub vabsduh vabsduw vmaxub vmaxuh vmaxuw vmaxud vmaxsb
vmaxsh vmaxsw vmaxsd vminub vminuh vminuw vminud vminsb vminsh vminsw vminsd vmuluwm vmuleub vmuloub
vmulesb vmulosb vmuleuh vmulouh vmulesh vmulosh vmuleuw vmulouw vmulesw vmulosw vsum4ubs vsum4sbs
vsum4shs vsum2sws vsumsws vand vandc vor vorc vxor vnor vnand veqv vslb vslh vslw vsld vsrb vsrh vsrw
vsrd vsrab vsrah vsraw vsrad vrlb vrlh vrlw vrld vrlwnm vrldnm vrlwmi vsl vsr vslo vsro vslv vsrv
vmrghb vmrghh vmrghw vmrglb vmrglh vmrglw vmrgew vmrgow vpkuhum vpkuwum vpkudum vpkuhus vpkuwus vpkudus
vpkshus vpkswus vpksdus vpkshss vpkswss vpksdss vpkpx vbpermq vbpermd vcipher vcipherlast vncipher
vncipherlast vpmsumb vpmsumh vpmsumw vpmsumd vmul10euq vmul10ecuq""".split()
COMPARE = """
vcmpequb vcmpequh vcmpequw vcmpequd vcmpneb vcmpneh vcmpnew vcmpnezb vcmpnezh vcmpnezw vcmpgtub vcmpgtuh
vcmpgtuw vcmpgtud vcmpgtsb vcmpgtsh vcmpgtsw vcmpgtsd""".split()
UNARY = """
vnegw vnegd vextsb2w vextsh2w vextsb2d vextsh2d vextsw2d vclzb vclzh vclzw vclzd vctzb vctzh vctzw vctzd
vpopcntb vpopcnth vpopcntw vpopcntd vprtybw vprtybd vprtybq vgbbd vupkhsb vupkhsh vupkhsw vupklsb
vupklsh vupklsw vupkhpx vupklpx""".split()
TERNARY = """
vaddeuqm vaddecuq vsubeuqm vsubecuq vmhaddshs vmhraddshs vmladduhm vmsumubm vmsummbm vmsumuhm vmsumshm
vmsumuhs vmsumshs vmsumudm vsel vperm vpermr vpermxor""".split()
INDEXED = """
lvx lvxl lvebx lvehx lvewx stvx stvxl stvebx stvehx stvewx lvsl lvsr""".split()
VSX_INDEXED = """
stxsdx stxsspx stxsiwx stxsihx stxsibx lxvdsx lxvwsx lxvx stxvx lxvd2x lxvw4x lxvh8x lxvb16x stxvd2x
stxvw4x stxvh8x stxvb16x""".split()
VSX_SCALAR = "lxsdx lxsspx lxsiwax lxsiwzx lxsihzx lxsibzx".split()
VSX_BINARY = """
xxland xxlandc xxlor xxlorc xxlxor xxlnor xxlnand xxleqv xxmrghw xxmrglw xxperm xxpermr""".split()


def rows():
    """Yields (mnemonic, assembly, t, a, b, c, needs) with operands as the decoder would give them."""
    def plain(names, form, t=32, a=33, b=34, c=35, needs=0, immediates=(None,)):
        for name in names:
            for i in immediates:
                text = form.format(name, i=i)
                yield name, text, t, i & 31 if a is None else a, b, c, needs

    yield from plain(BINARY, "{0} 0,1,2")
    yield from plain("vmul10uq vmul10cuq vsbox".split(), "{0} 0,1", b=0)
    yield from plain(COMPARE, "{0} 0,1,2")
    yield from plain([name + "." for name in COMPARE], "{0} 0,1,2")
    yield from plain(UNARY, "{0} 0,2", a=0)
    yield from plain(TERNARY, "{0} 0,1,2,3")
    yield from plain(["vsldoi"], "{0} 0,1,2,{i}", immediates=(0, 1, 5, 15))
    yield from plain(["vspltb"], "{0} 0,2,{i}", a=None, immediates=(0, 1, 15))
    yield from plain(["vsplth"], "{0} 0,2,{i}", a=None, immediates=(0, 1, 7))
    yield from plain(["vspltw"], "{0} 0,2,{i}", a=None, immediates=(0, 1, 3))
    yield from plain("vspltisb vspltish vspltisw".split(), "{0} 0,{i}", a=None, b=0,
                     immediates=(-16, -1, 0, 15))
    for size, suffix in ((1, "ub b"), (2, "uh h"), (4, "uw w"), (8, "d d")):
        extract, insert = suffix.split()
        yield from plain([f"vextract{extract}", f"vinsert{insert}"], "{0} 0,2,{i}", a=None,
                         immediates=(0, 3, 16 - size))
    yield from plain("vextublx vextuhlx vextuwlx vextubrx vextuhrx vextuwrx".split(), "{0} 6,4,2",
                     t=6, a=4, needs=INDEX)
    yield from plain("vclzlsbb vctzlsbb".split(), "{0} 6,2", t=6, a=0)
    for st in (0, 1):
        yield from plain("vshasigmaw vshasigmad".split(), "{0} 0,1,%d,{i}" % st, b=0,
                         immediates=(0, 5, 9, 15))
    for ps in (0, 1):
        yield from plain("bcdadd. bcdsub.".split(), "{0} 0,1,2,{i}", immediates=(ps,),
                         needs=DECIMAL | VALID)
        yield from plain("bcds. bcdsr. bcdtrunc.".split(), "{0} 0,1,2,{i}", immediates=(ps,),
                         needs=DECIMAL | VALID | COUNTED | NO_CR)
        yield from plain("bcdcfn. bcdcfz. bcdctz. bcdcfsq. bcdsetsgn.".split(), "{0} 0,2,{i}", a=0,
                         immediates=(ps,), needs=DECIMAL)
    yield from plain("bcdus. bcdutrunc.".split(), "{0} 0,1,2", needs=DECIMAL | COUNTED | NO_CR)
    yield from plain(["bcdcpsgn."], "{0} 0,1,2", needs=DECIMAL)
    yield from plain(["bcdctsq."], "{0} 0,2", a=0, needs=DECIMAL)
    yield from plain(["bcdctn."], "{0} 0,2", a=0, needs=DECIMAL | VALID)
    yield from plain(["mfvscr"], "{0} 0")
    yield from plain(["mtvscr"], "{0} 2")
    yield from plain(INDEXED, "{0} 0,4,5", a=4, b=5, needs=STORAGE)
    yield from plain(VSX_INDEXED, "{0} 32,4,5", a=4, b=5, needs=STORAGE)
    yield from plain(VSX_SCALAR, "{0} 32,4,5", a=4, b=5, needs=STORAGE | SCALAR)
    yield from plain("lxvl lxvll stxvl stxvll".split(), "{0} 32,4,5", a=4, b=5,
                     needs=STORAGE | LENGTH)
    yield from plain("lxsd lxssp stxsd stxssp".split(), "{0} 0,12(4)", a=4, b=0, needs=STORAGE)
    yield from plain("lxv stxv".split(), "{0} 32,16(4)", a=4, b=0, needs=STORAGE)
    yield from plain("mfvsrd mfvsrld mfvsrwz".split(), "{0} 4,32", a=4, b=0)
    yield from plain("mtvsrd mtvsrwa mtvsrwz".split(), "{0} 32,4", a=4, b=0, needs=SCALAR)
    yield from plain(["mtvsrws"], "{0} 32,4", a=4, b=0)
    yield from plain(["mtvsrdd"], "{0} 32,4,5", a=4, b=5)
    yield from plain(["mtvsrdd"], "{0} 32,0,5", a=0, b=5)
    yield from plain(VSX_BINARY, "{0} 32,33,34")
    yield from plain(["xxsel"], "{0} 32,33,34,35")
    yield from plain("xxbrh xxbrw xxbrd xxbrq".split(), "{0} 32,34", a=0)
    yield from plain(["xxspltw"], "{0} 32,34,{i}", a=None, immediates=range(4))
    yield from plain("xxpermdi xxsldwi".split(), "{0} 32,33,34,{i}", immediates=range(4))
    yield from plain(["xxspltib"], "{0} 32,{i}", a=0, b=0, immediates=(0, 129, 255))
    yield from plain("xxextractuw xxinsertw".split(), "{0} 32,34,{i}", a=None, immediates=(0, 3, 12))


ENTRY = """entry_{n}:
lxvd2x 32,0,3; addi 8,3,16; lxvd2x 33,0,8; addi 8,3,32; lxvd2x 34,0,8; addi 8,3,48; lxvd2x 35,0,8
addi 8,3,112; lxvd2x 36,0,8; mtvscr 4; ld 4,64(3); ld 5,72(3); ld 6,80(3); li 7,0; mtcrf 2,7
{text}
stxvd2x 32,0,3; std 4,64(3); std 5,72(3); std 6,80(3); mfcr 7; std 7,96(3); mfvscr 4
addi 8,3,112; stxvd2x 36,0,8; blr
"""
TAIL = """.globl oracle_call
oracle_call: mtctr 3; mr 3,4; bctr
.globl _start
_start: bcl 20,31,1f
1: mflr 2; addis 2,2,.TOC.-1b@ha; addi 2,2,.TOC.-1b@l; bl oracle_main; nop
.section .rodata
.globl oracle_entries
.p2align 3
oracle_entries:
"""


def words(table, folder):
    source = folder / "words.s"
    source.write_text("".join(row[1] + "\n" for row in table))
    subprocess.run(["powerpc64-linux-gnu-as", "-mpower9", "-o", folder / "words.o", source], check=True)
    subprocess.run(["powerpc64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", folder / "words.o",
                    folder / "words.bin"], check=True)
    data = (folder / "words.bin").read_bytes()
    return struct.unpack(f">{len(table)}I", data)


def digests(table, folder, suffix):
    """One digest a row, from the machine named by SUFFIX ("" or "le")."""
    (folder / "oracle-rows.h").write_text("".join(f"ROW({row[6]})\n" for row in table))
    entries = "".join(ENTRY.format(n=n, text=row[1]) for n, row in enumerate(table))
    addresses = "".join(f".quad entry_{n}\n" for n in range(len(table)))
    (folder / "entries.s").write_text(".machine power9\n.text\n" + entries + TAIL + addresses)
    program = folder / ("oracle" + suffix)
    subprocess.run([f"powerpc64{suffix}-linux-gnu-gcc", "-mabi=elfv2", "-mcpu=power9", "-O1", "-w",
                    "-ffreestanding", "-nostdlib", "-static", "-fno-pic", "-no-pie", f"-I{folder}",
                    f"-I{HERE}", HERE / "vector-oracle.c", folder / "entries.s", "-o", program],
                   check=True)
    out = subprocess.run([f"qemu-ppc64{suffix}", "-cpu", "power9", program], check=True,
                         capture_output=True, text=True).stdout.split()
    assert len(out) == len(table)
    return out


def main():
    table = list(rows())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        columns = zip(table, words(table, folder), digests(table, folder, ""),
                      digests(table, folder, "le"))
        print("/* SPDX-License-Identifier: GPL-2.0-or-later */")
        print("/* Made by vector-golden.py: GOLDEN(function, word, t, a, b, c, needs, big, little) */")
        for row, word, big, little in columns:
            function = row[0].replace(".", "_rc")
            print(f"GOLDEN({function}, 0x{word:08x}, {row[2]}, {row[3]}, {row[4]}, {row[5]}, {row[6]}, "
                  f"0x{big}, 0x{little})")
    print(len(table), "rows of", len({row[0] for row in table}), "instructions", file=sys.stderr)


if __name__ == "__main__":
    main()
