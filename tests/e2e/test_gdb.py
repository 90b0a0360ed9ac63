# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb-multiarch of Debian at a machine: it stops, looks, steps and writes, and the guest is the same guest.

Debian's kernel comes without symbols here: addresses are those of the guest's own /proc/kallsyms.
"""

import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

from conftest import FAST, PACED, finish, parts, record, replay
from dev.gdb_stub import Stub, packet
from dev.lab import Lab

HASH_POINT = 1 << 24   # instructions between two of them


def gdb(machine, *commands: str, little: bool = True, timeout: float = 300) -> str:
    """Runs gdb with these commands at the machine and returns what it said."""
    assert shutil.which("gdb-multiarch"), "gdb-multiarch is not installed"
    path = machine.call("gdbserver-start")["address"].removeprefix("unix:")
    words = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", f"set endian {'little' if little else 'big'}",
             "-ex", "set confirm off", "-ex", "set pagination off", "-ex", f"target remote {path}"]
    words += ["-ex", f"monitor endian {'little' if little else 'big'}", "-ex", "maintenance flush register-cache"]
    for command in commands:
        words += ["-ex", command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout)
    finally:
        machine.call("gdbserver-stop")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def positions(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"instruction (\d+),", text)]


def address_of(tiny, name: str) -> int:
    """Where the small guest's function or variable of that name is; the guest is loaded at 4 MiB."""
    names = subprocess.run(["nm", tiny.kernel], check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"(\w+) \w {name}\n", names).group(1), 16)


def hypercall(tiny) -> int:
    return 0x400000 + address_of(tiny, "hypercall")


@pytest.fixture(scope="module")
def symbols(lab, shell):
    """Addresses of the kernel's functions, as the guest itself tells them."""
    machine = lab.machine(shell.definition("symbols", "mods=none", clock={"shift": 0, "sleep": False, "rtc": "host"}))
    try:
        machine.start()
        machine.wait_for("SHELL-READY", 120)
        machine.type("grep -E ' (do_sys_openat2|ksys_write|sys_getpid)$' /proc/kallsyms; echo D''ONE\n")
        text = machine.wait_for(r"(?s)(.*)DONE", 60).group(1)
    finally:
        machine.end()
        lab.wire.call("machine-destroy", name="symbols")
    return {name: int(address, 16) for address, name in re.findall(r"\b([0-9a-f]{16}) \w (\w+)", text)}


def test_registers_memory_breakpoints_and_steps_of_a_small_guest(make, tiny):
    machine = make(tiny, "rounds=50")
    machine.start(paused=True)
    place = hypercall(tiny)
    said = gdb(machine, "p/x $pc", "p/x $msr", "monitor when", "x/1xw $pc", "stepi", "stepi", "monitor when",
               f"break *{place:#x}", "continue", "monitor stop-reason",
               "p/x $pc", "monitor when", "continue", "monitor when", little=False)
    assert "$1 = 0x400000" in said and "0x400000:\t0x48000008" in said
    assert positions(said)[:2] == [0, 2] and 2 < positions(said)[2] < positions(said)[3], said
    assert "breakpoint" in said and f"= {place:#x}" in said, said


def test_a_break_in_a_system_call_of_debians_kernel(make, shell, symbols):
    machine = make(shell, "mods=none")
    machine.start()
    machine.wait_for("SHELL-READY", 120)
    machine.type("while :; do cat /proc/uptime; done\n")
    address = symbols["do_sys_openat2"] + 8   # where calls inside the kernel enter: behind the making of r2
    said = gdb(machine, f"break *{address:#x}", "continue", "monitor when", "p/x $pc", "p $r4 != 0", "x/1i $pc",
               "stepi", "p/x $pc", "continue", "monitor when", "p/x $pc", "delete", "stepi 100", "monitor when",
               "set $old = $r31", "set var $r31 = 0x1234", "p/x $r31", "set var $r31 = $old",
               "set var {int}$r1 = {int}$r1", f"x/1xw {address:#x}", "monitor physical on", "maintenance flush dcache",
               f"x/1xw {address - (0xc << 60):#x}", "detach")
    places = positions(said)
    assert said.count(f"= {address:#x}") == 2, said
    assert len(places) == 3 and places[0] < places[1] and places[2] - places[1] == 100, said
    assert f"= {address + 4:#x}" in said and "= 0x1234" in said, said
    words = re.findall(r"^0x\w+:\t(0x\w+)$", said, re.M)
    assert len(words) == 2 and words[0] == words[1], said
    assert machine.status() == "running", said


def test_gdb_stops_at_many_places_and_the_replay_is_the_same(make, tiny):
    machine = make(tiny, "rounds=50")
    recorded = record(machine)
    machine.start(replay="r1", paused=True)
    said = gdb(machine, f"break *{hypercall(tiny):#x}", *(["continue", "stepi 77", "monitor when", "p $r1"] * 40),
               "set var $r3 = 1", "monitor when", little=False)
    assert len(set(positions(said))) == 40, said
    assert "take over first" in said, said
    machine.call("cont")
    machine.wait_until_stopped(120)
    info = machine.replay_info()
    assert info["status"] == "ended", machine.call("query-divergence")
    machine.read()
    assert parts(machine) == recorded["parts"] and machine.console == recorded["console"]
    machine.end()


def test_writes_are_logged_while_the_machine_is_recorded_and_the_replay_has_them(make, tiny):
    machine = make(tiny, "rounds=300")
    machine.start(record="r1", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    done = stub.read_memory(0x400000, 0x8000).index(b"TINY-DONE") + 0x400000
    assert stub.ask(f"M{done + 5:x},4:{b'over'.hex()}") == b"OK"
    assert stub.read_memory(done, 9) == b"TINY-over"
    for i, steps in enumerate((1, 77, 4096, HASH_POINT - 4174, 1, 50_001, 1_000_003)):
        assert stub.seek(f"+{steps}") == stub.icount()
        for value in range(3):   # f20, vr7 and vrsave are not used by this guest
            assert stub.ask(f"P3a={i * 16 + value:016x}") == b"OK"
            assert stub.ask(f"P4e={'%032x' % (i << 64 | value)}") == b"OK"
            assert stub.ask(f"X{0x3000000 + 4096 * i - 8:x},10:".encode() + bytes([value, i]) * 8) == b"OK"
        assert stub.ask("p3a") == b"%016x" % (i * 16 + 2)
    assert stub.icount() > HASH_POINT
    stub.detach()
    machine.call("cont")
    assert machine.wait_until_stopped(120) == "shutdown"
    recorded = finish(machine)
    assert b"TINY-over" in recorded["console"] and b"TINY-DONE" not in recorded["console"]
    assert replay(machine) == recorded


def test_writes_into_an_idle_guest_and_at_an_end_are_replayed(make, shell):
    machine = make(shell, "mods=none", clock=PACED)
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 120)
    stub = Stub(machine.call("gdbserver-start")["address"])
    halts = 0
    for i in range(20):
        stub.ask("?")
        halts += "(sequence 0)" not in stub.monitor("when")   # time that passes without instructions
        assert stub.ask(f"P3f={i:016x}") == b"OK" and stub.ask(f"P3f={i + 1:016x}") == b"OK"
        stub.send("c")
        time.sleep(random.Random(i).uniform(0, 0.05))
        stub.socket.sendall(b"\3")
        assert stub.answer() == b"T02thread:1;"
    print(f"{halts} of 20 writes were made while the guest idled")
    assert halts > 5
    assert stub.ask(f"P3f={77:016x}") == b"OK"
    recorded = finish(machine)
    assert replay(machine) == recorded


def test_the_memory_map_and_the_physical_mode(make, tiny):
    machine = make(tiny, "rounds=5")
    machine.start(paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    read = "qXfer:memory-map:read::0,1000"
    effective = stub.ask(read)
    assert effective.startswith(b"l<?xml") and effective.count(b"<memory type") == 2
    assert stub.ask("Qqemu.PhyMemMode:1") == b"OK" and stub.ask("qqemu.PhyMemMode") == b"1"
    assert b'<memory type="ram" start="0x0" length="0x20000000"/>' in stub.ask(read)
    assert stub.ask("m1ffffffc,8") == stub.ask("m1ffffffc,4") and stub.ask("m20000000,4") == b"E14"
    assert stub.ask("qXfer:memory-map:read::5,7") == b"m" + stub.ask(read)[6:13]
    stub.socket.close()
    machine.call("gdbserver-stop")
    said = gdb(machine, "info mem", "x/1xw $pc", "monitor memory", little=False)
    assert "provided by the target" in said and "0x48000008" in said, said


def test_monitor_commands(make, tiny):
    machine = make(tiny, "rounds=50")
    machine.start(record="r1", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    for name in ("when", "timeline", "seek", "mark", "physical", "endian"):
        assert f"\n{name} " in "\n" + stub.monitor("help")
    assert stub.seek(1000) == 1000
    assert stub.monitor("mark here") == "instruction 1000 is here\n"
    assert "expected a name" in stub.monitor("mark") and "cannot go back" in stub.monitor("seek 5")
    assert "does not replay" in stub.monitor("timeline") and "see \"monitor help\"" in stub.monitor("nonsense")
    stub.detach()
    machine.call("cont")
    machine.wait_until_stopped(60)
    end = finish(machine)["icount"]
    machine.start(replay="r1", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    for where, icount in (("5000", 5000), ("+77", 5077), ("-177", 4900), ("mark here", 1000), ("begin", 0), ("end", end),
                          ("time 2000", 2000), ("-5000", 0)):
        assert stub.monitor(f"seek {where}") == f"instruction {icount}\n", where
        assert stub.icount() == icount
    assert stub.monitor("seek event 3").startswith("instruction ")
    assert f"end      {end}\n" in stub.monitor("timeline") and "keyframe 0 (0 ns)" in stub.monitor("timeline")
    for wrong in ("", "x", "-", "+-5", "time", "time x", "mark nowhere", "event 99999999", str(end + 1), "99999999999999999999"):
        assert not stub.monitor(f"seek {wrong}").startswith("instruction"), wrong
    for far in (end + 1, f"time {10**15}"):
        said = stub.monitor(f"seek {far}")
        assert f"the recording ends at instruction {end}, " in said and f"there is no {far}\n" in said, said
    assert "not being recorded" in stub.monitor("mark x")
    assert stub.ask("P3a=0000000000000000").startswith(b"E.this is a replay: take over first")
    assert stub.ask("M1000,1:00").startswith(b"E.this is a replay: take over first")
    machine.call("replay-takeover", recording="r2")
    assert stub.ask("P3a=0000000000000000") == b"OK"


def hits(stub: Stub, count: int, packet: str) -> list[tuple[bytes, int]]:
    """What stops the machine when it runs on, and where, COUNT times or up to an end of the recording."""
    found: list[tuple[bytes, int]] = []
    while len(found) < count and not (found and b"replaylog" in found[-1][0]):
        found.append((stub.ask(packet), stub.icount()))
    return found


def test_what_stops_the_machine_forwards_stops_it_backwards_on_both_engines(tiny, tmp_path):
    """One of them records, both replay."""
    call = hypercall(tiny)
    scratch = 0x400000 + address_of(tiny, "scratch")
    recorded, seen = None, {}
    for engine in ("translator", "interpreter"):
        with Lab(environment={"POWERPLAY_ENGINE": engine}) as lab:
            machine = lab.machine(tiny.definition("m", "rounds=12", clock=FAST))
            folder = lab.state / "machines/m/recordings"
            if not recorded:
                recorded = record(machine)
                shutil.copytree(folder, tmp_path / "recordings")
            else:
                shutil.copytree(tmp_path / "recordings", folder, dirs_exist_ok=True)
            machine.start(replay="r1", paused=True)
            stub = Stub(machine.call("gdbserver-start")["address"])
            for packet in (f"Z0,{call:x},4", f"Z2,{scratch:x},8", f"Z3,{scratch + 8:x},8"):
                assert stub.ask(packet) == b"OK"
            began = time.monotonic()
            forwards = hits(stub, 100_000, "c")
            assert forwards.pop() == (b"T05thread:1;replaylog:end;", recorded["icount"])
            half = time.monotonic()
            backwards = hits(stub, 40, "bc")
            print(f"{engine}: {len(forwards)} hits forwards in {half - began:.2f} s, {len(backwards)} backwards in "
                  f"{time.monotonic() - half:.2f} s")
            # Behind an access when going forwards, in front of it when going back.
            expected = [(reply, icount - (b"watch" in reply)) for reply, icount in forwards]
            assert backwards == expected[::-1][:40]
            assert stub.seek("begin") == 0 and stub.ask("bc") == stub.ask("bs") == b"T05thread:1;replaylog:begin;"
            assert [reply for reply, _ in hits(stub, 5, "c")] == [reply for reply, _ in forwards[:5]]
            middle = forwards[len(forwards) // 2][1]
            assert stub.seek(middle + 1) == middle + 1      # no breakpoint stops a seek
            stub.socket.close()
            machine.call("gdbserver-stop")
            machine.call("cont")
            machine.wait_until_stopped(60)
            assert machine.replay_info()["status"] == "ended" and parts(machine) == recorded["parts"]
            seen[engine] = forwards
            machine.end()
    assert seen["translator"] == seen["interpreter"]
    kinds = {reply.partition(b";")[2].partition(b":")[0] for reply, _ in seen["translator"]}
    assert kinds == {b"", b"watch", b"rwatch"}, kinds


def test_breakpoints_and_watchpoints_outlive_snapshots_and_resets(make, tiny):
    machine = make(tiny, "rounds=12")
    machine.start(paused=True)
    machine.call("savevm", name="begin")
    scratch = 0x400000 + address_of(tiny, "scratch")
    stub = Stub(machine.call("gdbserver-start")["address"])
    assert stub.ask(f"Z2,{scratch:x},8") == stub.ask(f"Z0,{hypercall(tiny):x},4") == b"OK"
    access = b"T05thread:1;watch:%x;" % scratch

    def kinds() -> list[bytes]:
        """The first stops; later ones depend on what the host's random numbers were."""
        found = [reply for reply, _ in hits(stub, 80, "c")]
        assert access in found and b"T05thread:1;" in found
        return found[:20]

    first = kinds()
    for _ in range(2):
        machine.call("loadvm", name="begin")
        assert stub.icount() == 0 and kinds() == first
    machine.call("system_reset")
    assert kinds() == first


def test_gdbs_own_step_at_a_watchpoint_is_answered_and_not_taken(make, tiny):
    machine = make(tiny, "rounds=12")
    record(machine)
    machine.start(replay="r1", paused=True)
    scratch = 0x400000 + address_of(tiny, "scratch")
    stub = Stub(machine.call("gdbserver-start")["address"])
    watch, access = f"2,{scratch:x},8", f"4,{scratch:x},8"
    assert stub.ask("Z" + watch) == b"OK"
    assert stub.ask("c") == b"T05thread:1;watch:%x;" % scratch
    place = stub.icount()
    assert stub.ask("z" + watch) == b"OK"
    assert stub.ask("s") == b"T05thread:1;" and stub.icount() == place        # gdb takes it away, steps, and looks
    assert stub.ask("s") == b"T05thread:1;" and stub.icount() == place + 1    # the user's step
    assert stub.ask("Z" + access) == b"OK"
    assert stub.ask("bc") == b"T05thread:1;awatch:%x;" % scratch and stub.icount() == place - 1
    assert stub.ask("z" + access) == b"OK"
    assert stub.ask("bs") == b"T05thread:1;" and stub.icount() == place - 1
    assert stub.ask("bs") == b"T05thread:1;" and stub.icount() == place - 2
    assert stub.ask("Z" + watch) == b"OK"
    assert stub.ask("c") == b"T05thread:1;watch:%x;" % scratch and stub.icount() == place
    assert stub.ask("s").startswith(b"T05thread:1;") and stub.icount() == place + 1   # the watchpoint is still there


def test_reverse_finish_goes_to_the_caller(make, tiny):
    machine = make(tiny, "rounds=5")
    record(machine)
    machine.start(replay="r1", paused=True)
    said = gdb(machine, f"add-symbol-file {tiny.kernel} -o 0x400000", "break hypercall", "continue", "continue", "monitor when",
               "backtrace 2", "delete", "stepi", "reverse-finish", "monitor when", "x/i $pc", "stepi", "info symbol $pc")
    places = positions(said)
    assert places[1] < places[0] and re.search(r"=> 0x\w+ <\w+\+\d+>:\s+bl\s+0x\w+ <hypercall", said), said
    assert re.search(r"^hypercall in section", said, re.M), said


def program32(path: pathlib.Path, *words: int) -> dict:
    """A machine whose program, at 0x10000, are these instructions."""
    code = struct.pack(f">{len(words)}I", *words)
    head = b"\x7fELF\x01\x02\x01" + bytes(9) + struct.pack(">HHIIIIIHHHHHH", 2, 20, 1, 0x10000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    path.write_bytes(head + struct.pack(">8I", 1, 84, 0x10000, 0x10000, len(code), len(code), 7, 4) + code)
    return {"name": "g4", "board": "bench32", "cpu": "7447a", "memory": "64M", "kernel": str(path), "clock": FAST}


@pytest.fixture
def bare(lab, tmp_path):
    """bare(instructions…): a 32-bit machine."""
    made = []

    def create(*words: int):
        made.append(lab.machine(program32(tmp_path / "program", *words)))
        return made[-1]

    yield create
    for machine in made:
        machine.end()
        lab.wire.call("machine-destroy", name=machine.name)


def test_a_write_where_an_interrupt_is_due_and_where_it_was_taken(bare):
    # li r3,50; mtdec r3; li r6,0; ori r6,r6,EE; mtmsr r6; isync; addi r7,r7,1; b to the addi
    machine = bare(0x38600032, 0x7c7603a6, 0x38c00000, 0x60c68000, 0x7cc00124, 0x4c00012c, 0x38e70001, 0x4bfffffc)
    machine.start(record="r0", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    assert stub.ask("Z0,900,4") == b"OK" and stub.ask("c") == b"T05thread:1;" and stub.ask("p20") == b"00000900"
    place = stub.icount()
    assert b"inside of a boundary, where an interrupt was taken" in stub.ask("P7=00000001")
    assert stub.ask("s").startswith(b"T05") and stub.ask("P7=00000001") == b"OK"
    finish(machine)
    machine.start(record="r1", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    assert stub.seek(place) == place and stub.ask("p20") != b"00000900"
    assert stub.ask("P7=12345678") == b"OK" and stub.ask("p7") == b"12345678"
    machine.call("record-stop")                            # works through the boundary first
    recorded = parts(machine)
    machine.end()
    assert replay(machine, "r1")["parts"] == recorded
    machine.start(record="r2", paused=True)
    stub = Stub(machine.call("gdbserver-start")["address"])
    assert stub.seek(place) == place and stub.ask("P21=00000000") == b"OK"    # MSR: now none is due
    assert stub.ask("s") == b"T05thread:1;" and stub.ask("p20") in (b"00010018", b"0001001c")
    recorded = finish(machine)
    assert replay(machine, "r2") == recorded


def test_a_32_bit_machine(bare):
    machine = bare(0x38630001, 0x90640000, 0x80a40000, 0x4bfffff4)   # addi r3,r3,1; stw r3,0(r4); lwz r5,0(r4); b to the first
    machine.start(record="r1", paused=True)
    said = gdb(machine, "set var $r4 = 0x20000", "stepi", "p/x $pc", "p $r3", "watch *(int*)0x20000", "continue", "x/i $pc - 4",
               "delete", "set var $f1 = 2.5", "p $f1", "set var $vr3.v4_int32 = {1, 2, 3, 4}", "p $vr3.v4_int32", "break *0x1000c",
               "continue", "p $r5", "info mem", "p $vs1h", "monitor mark there", "delete", "stepi 1000", "monitor when", little=False)
    for line in ("$1 = 0x10004", "$2 = 1", "New value = 1", "0x10004:\tstw     r3,0(r4)", "$3 = 2.5", "$4 = {1, 2, 3, 4}", "$5 = 1",
                 "0x00000000 0x100000000", "$6 = void", "instruction 1003,"):
        assert line in said, f"{line} is not in {said}"
    recorded = finish(machine)
    machine.start(replay="r1", paused=True)
    said = gdb(machine, "monitor seek mark there", "maintenance flush register-cache", "p/x $pc", "p $r5", "p $f1", "monitor seek end",
               "maintenance flush register-cache", "p $r3", "watch *(int*)0x20000", "reverse-continue", "x/i $pc", "p $r3", little=False)
    for line in ("$1 = 0x1000c", "$2 = 1", "$3 = 2.5", "$4 = 251", "New value = 250", "=> 0x10004:\tstw     r3,0(r4)", "$5 = 251"):
        assert line in said, f"{line} is not in {said}"
    machine.end()
    assert replay(machine) == recorded


def test_the_stub_refuses_bad_packets_and_lives_on(make, tiny):
    machine = make(tiny, "rounds=5")
    machine.start(paused=True)
    stub = Stub(machine.call("gdbserver-start", listen="tcp:0")["address"])
    for bad in ("mzz", "m0", "m0,", "m,4", "mffffffffffffffffff,4", "Mg", "M0,4:00", "M0,ffffffffffffffff:00", "p", "pzz",
                "pffffffff", "P0", "P0=12", "Pfff=00", "G00", "Z", "Z0", "Z0,,", "Z0,zz,4", "z0,4444,4", "X0,5:ab",
                "vCont;x", "vCont", "qXfer:features:read:target.xml:zz", "qXfer:features:read:none:0,10",
                "qXfer:memory-map:read::zz", "qXfer:memory-map:read::0", "Z2,0,0", "Z4,ffffffffffffffff,8", "Z3,4000,", "z2,4000,8",
                "bs", "bc", "Qqemu.PhyMemMode:7", "qRcmd,6", "qRcmd,zz"):
        assert stub.ask(bad).startswith(b"E"), bad
    for unknown in ("vMustReplyEmpty", "vFoo", "qFoo", "QFoo", "b", "y", "", "Z9,0,4"):
        assert stub.ask(unknown) == b"", unknown
    stub.socket.sendall(b"$?#00")
    assert stub.read_until(b"-") == b"-"
    stub.socket.sendall(b"noise$half of a packet" + packet("?"))
    assert stub.read_until(b"#") == b"+$T02thread:1;#"
    stub.socket.recv(2, socket.MSG_WAITALL)
    stub.socket.sendall(b"+")
    stub.socket.sendall(b"$" + b"a" * 100000 + b"#00")
    assert stub.read_until(b"-").endswith(b"-")
    stub.socket.close()
    assert machine.status() == "prelaunch"
