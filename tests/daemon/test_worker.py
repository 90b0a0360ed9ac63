# SPDX-License-Identifier: GPL-2.0-or-later
"""powerplay-machine: alone, confined, and what its commands answer."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import FAST, program

import powerplay
from powerplay.sync import Connection
from powerplay.wire import Call


@contextlib.contextmanager
def alone(definition, folder, *options):
    """A worker without a daemon, and a connection to it."""
    file, path = folder / "m.json", folder / "q.sock"
    file.write_text(json.dumps(definition))
    path.unlink(missing_ok=True)
    process = subprocess.Popen([program("powerplay-machine"), "--qmp", f"unix:{path}", "--directory", folder,
                                *options, file], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        connection = None
        while not connection:
            assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
            time.sleep(0.02)
            with contextlib.suppress(powerplay.Unreachable):
                connection = Connection(path)
        yield process, lambda command, **arguments: connection.execute_call(
            Call(command, {n.replace("_", "-"): v for n, v in arguments.items()}))
        connection.close()
    finally:
        process.kill()
        process.wait()


def test_it_runs_alone_and_ends_with_quit(definition, tmp_path):
    with alone(definition, tmp_path) as (process, ask):
        deadline = time.monotonic() + 120
        while ask("query-status")["status"] != "shutdown":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        output = base64.b64decode(ask("serial-read")["data"])
        assert b"TINY-DONE" in output
        ask("quit")
        assert process.wait(120) == 0


def test_a_signal_ends_it_properly(definition, tmp_path):
    with alone(definition, tmp_path, "--paused") as (process, ask):
        assert ask("query-status")["status"] == "prelaunch"
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_a_recorded_and_replayed_life_needs_no_new_socket_process_or_outside_file(tiny, tmp_path):
    """The filter kills the process at the first forbidden call."""
    definition = tiny.definition("confined", "rounds=5", clock=FAST)
    with alone(definition, tmp_path, "--sandbox", "--paused") as (process, ask):
        ask("record-start", recording="r1")
        ask("cont")
        while ask("query-status")["running"]:
            time.sleep(0.02)
        for command in ("query-registers", "query-device-state", "state-hash", "query-metrics", "query-replay"):
            ask(command)
        ask("pmemsave", val=0, size=65536, filename="memory")
        ask("record-stop")
        ask("quit")
        assert process.wait(120) == 0
    with alone(definition, tmp_path, "--sandbox", "--paused") as (process, ask):
        ask("replay-start", recording="r1")
        ask("cont")
        while ask("query-status")["running"]:
            time.sleep(0.02)
        assert ask("query-replay")["status"] == "ended"
        assert ask("query-divergence") == {"diverged": False}
        ask("quit")
        assert process.wait(120) == 0
    assert (tmp_path / "memory").stat().st_size == 65536


def test_a_link_that_leads_out_of_the_folder_is_not_followed(definition, tmp_path):
    with alone(definition, tmp_path, "--sandbox", "--paused") as (process, ask):
        outside = tmp_path.parent / "outside"
        outside.mkdir(exist_ok=True)
        (outside / "manifest.json").write_text("{}")
        (tmp_path / "recordings").mkdir()
        os.symlink(outside, tmp_path / "recordings/link")
        with pytest.raises(powerplay.PowerplayError, match="(?i)permission|symbolic|not a directory"):
            ask("replay-start", recording="link")
        assert ask("query-status")["status"] == "prelaunch"


def test_a_replay_of_something_else_is_refused(tiny, tmp_path):
    definition = tiny.definition("one", "rounds=3", clock=FAST)
    with alone(definition, tmp_path, "--paused") as (_, ask):
        ask("record-start", recording="r1")
        ask("cont")
        while ask("query-status")["running"]:
            time.sleep(0.02)
        ask("quit")
    other = definition | {"append": "rounds=4"}
    with alone(other, tmp_path, "--paused") as (_, ask):
        with pytest.raises(powerplay.PowerplayError, match="(?i)definition|differ"):
            ask("replay-start", recording="r1")
        with pytest.raises(powerplay.NotFound):
            ask("replay-start", recording="r2")
        for name in ("../r1", "", ".", "a/b"):
            with pytest.raises(powerplay.Failed, match="recording"):
                ask("replay-start", recording=name)
        with pytest.raises(powerplay.PowerplayError, match="already"):
            ask("record-start", recording="r1")
        ask("cont")
        with pytest.raises(powerplay.WrongState, match="paused"):
            ask("replay-start", recording="r1")


def test_commands_say_what_is_wrong(definition, tmp_path):
    with alone(definition, tmp_path, "--paused") as (_, ask):
        with pytest.raises(powerplay.NotFound, match="Device 'x' not found"):
            ask("ringbuf-read", device="x", size=1)
        with pytest.raises(powerplay.Failed, match="from 1 to 65536"):
            ask("ringbuf-read", device="hvc0", size=0)
        with pytest.raises(powerplay.Failed, match="not base64"):
            ask("ringbuf-write", device="hvc0", data="?", format="base64")
        with pytest.raises(powerplay.Failed, match="without a directory"):
            ask("pmemsave", val=0, size=1, filename="../x")
        with pytest.raises(powerplay.Failed, match="Invalid addr"):
            ask("pmemsave", val=1 << 60, size=1, filename="x")
        with pytest.raises(powerplay.NotFound):
            ask("query-device-state", device="nothing")
        with pytest.raises(powerplay.NotFound):
            ask("query-registers", cpu_index=1)
        with pytest.raises(powerplay.WrongState, match="not recording"):
            ask("record-stop")
        with pytest.raises(powerplay.WrongState, match="not recording"):
            ask("record-mark", name="x")
        with pytest.raises(powerplay.Failed, match="beyond"):
            ask("serial-read", offset=1)


def test_inspection(definition, tmp_path):
    with alone(definition, tmp_path, "--paused") as (_, ask):
        registers = ask("query-registers")
        assert registers["icount"] == 0 and registers["registers"]["pc"].startswith("0x")
        names = registers["registers"].keys()
        assert len(names) > 110 and "lpcr" in {name.lower() for name in names}
        assert not {"sdr1", "ibat0u", "msscr0"} & {name.lower() for name in names}, "registers of another family"
        assert "cpu0" in ask("query-device-state")
        first, second = ask("state-hash"), ask("state-hash")
        assert first == second and len(first["hash"]) == 32
        assert "ram" in [component["name"] for component in first["components"]]
        assert ask("query-machines")[0]["name"] == "pseries"
        assert ask("query-cpus-fast")[0]["cpu-index"] == 0
        assert ask("query-target") == {"arch": "ppc64"}
        assert ask("query-name") == {"name": "tiny"}
        assert ask("human-monitor-command", command_line="info status") == "VM status: paused (prelaunch)\r\n"
        assert ask("human-monitor-command", command_line="info replay") == "Record/replay is not active\r\n"
        assert ask("human-monitor-command", command_line="bogus") == "unknown command: 'bogus'\r\n"
        assert ask("human-monitor-command", command_line="") == ""
        names = {row["name"] for row in ask("query-commands")}
        described = {row["name"] for row in ask("query-qmp-schema") if row["meta-type"] == "command"}
        assert names == described and {"stop", "cont", "record-start", "record"} <= names


def test_typed_bytes_arrive_and_are_refused_in_replay(tiny, tmp_path):
    definition = tiny.definition("typed", "rounds=100000000", clock=FAST)
    with alone(definition, tmp_path, "--paused") as (_, ask):
        ask("record-start", recording="r1")
        ask("cont")
        ask("type-text", text="ab\u0000")
        ask("ringbuf-write", device="hvc0", data=base64.b64encode(b"\xff").decode(), format="base64")
        deadline, seen = time.monotonic() + 120, b""
        while b"KEY ff" not in seen:
            assert time.monotonic() < deadline, seen[-300:]
            seen += base64.b64decode(ask("ringbuf-read", device="hvc0", size=65536, format="base64"))
        for key in (b"KEY 61", b"KEY 62", b"KEY 00"):
            assert key in seen
        ask("record-stop")
        ask("quit")
    with alone(definition, tmp_path, "--paused") as (_, ask):
        ask("replay-start", recording="r1")
        for command, arguments in (("type-text", {"text": "x"}), ("system_reset", {}), ("system_powerdown", {})):
            with pytest.raises(powerplay.WrongState, match="(?i)replay"):
                ask(command, **arguments)
        ask("cont")
        while ask("query-status")["running"]:
            time.sleep(0.02)
        assert ask("query-replay")["status"] == "ended"


def test_waiting_for_output_ends_in_time(definition, tmp_path):
    with alone(definition, tmp_path, "--paused") as (_, ask):
        started = time.monotonic()
        piece = ask("serial-read", wait=300)
        assert 0.25 < time.monotonic() - started < 60
        assert piece == {"data": "", "offset": 0, "next": 0}


def test_queries_are_answered_in_time_while_the_guest_runs_flat_out(tiny, tmp_path):
    definition = tiny.definition("flat", "rounds=100000000", clock=FAST)
    with alone(definition, tmp_path) as (_, ask):
        def measure(command, count):
            times = []
            for _ in range(count):
                started = time.perf_counter()
                ask(command)
                times.append(time.perf_counter() - started)
            times.sort()
            return times[int(count * 0.99)]

        for _ in range(20):  # the promise is 10 ms on an idle host; this one is shared, and may be busy for a while
            published, asked = measure("query-status", 500), measure("query-registers", 200)
            print(f"99th percentile: query-status {published * 1000:.2f} ms, query-registers {asked * 1000:.2f} ms")
            if published < 0.1 and asked < 0.1:
                return
        pytest.fail("queries are not answered in time")


def test_options(tmp_path):
    def run(*arguments, text=""):
        return subprocess.run([program("powerplay-machine"), *arguments], input=text, capture_output=True, text=True,
                              timeout=120)

    assert run("--version").stdout.startswith("powerplay-machine ")
    assert run().returncode == 2
    assert run("a", "b").returncode == 2
    assert run("--nonsense").returncode == 2
    good = run("--check", "-", text='{"name": "a", "kernel": "/k"}')
    assert good.returncode == 0 and json.loads(good.stdout)["memory"] == 512 << 20
    for text, words in (("{", "too early"), ('{"a": 1, "a": 2}', "duplicate key"), ("{} {}", "more text"),
                        ('{"name": "a"}', "kernel is missing")):
        bad = run("--check", "-", text=text)
        assert bad.returncode == 1 and words in bad.stderr, bad.stderr
    missing = run(str(tmp_path / "none.json"))
    assert missing.returncode == 1 and "none.json" in missing.stderr
