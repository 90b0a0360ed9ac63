# SPDX-License-Identifier: GPL-2.0-or-later
"""The supervisor: machines by name, their processes, their sockets."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from conftest import FAST, Daemon, answers, program

import powerplay


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_machine_goes_from_creation_to_oblivion(pp, definition):
    info = pp.create(definition).daemon.machine_info("tiny")
    assert info["state"] == "stopped" and "pid" not in info
    folder = pathlib.Path(info["directory"])
    assert json.loads((folder / "definition.json").read_text())["name"] == "tiny"
    machine = pp.find("tiny")
    assert machine.start()["state"] == "running"
    machine.wait_for(serial=r"TINY-DONE")
    assert machine.wait_for(status="shutdown") == "shutdown"
    with pytest.raises(powerplay.WrongState):
        pp.machine_destroy("tiny")
    pp.machine_stop("tiny")
    assert pp.machine_info("tiny")["exit-status"] == "exit status 0"
    pp.machine_destroy("tiny")
    assert not folder.exists()
    with pytest.raises(powerplay.NotFound):
        pp.machine_info("tiny")


@pytest.mark.parametrize("options, told", [(("--low-space", "2000000000"), 1), (("--low-space", "0"), 0), (("--low-space", "1"), 0)])
def test_little_room_is_said_once(options, told):
    private = Daemon(*options)
    try:
        with private.connect() as pp:
            events = [event for event in pp.events_since(0)["events"] if event["event"] == "DISK_SPACE_LOW"]
            assert len(events) == told
            for event in events:
                assert event["data"]["directory"] == str(private.state)
                assert 0 < event["data"]["available"] < event["data"]["limit"] == 2_000_000_000 << 20
    finally:
        private.close()


def test_a_limit_that_is_none_is_refused(tmp_path):
    (tmp_path / "settings").write_text("[daemon]\nlow-space=much\n")
    for words in (["--low-space", "-5"], ["--config", str(tmp_path / "settings")]):
        refused = subprocess.run([program("powerplayd"), *words], capture_output=True, text=True, check=False, timeout=120)
        assert refused.returncode == 2 and "low-space" in refused.stderr


def test_names_are_unique(pp, machine, definition):
    with pytest.raises(powerplay.WrongState, match="already"):
        pp.create(definition)


@pytest.mark.parametrize("change, words", [
    ({"memory": "7M"}, 'memory is "7M"'),
    ({"kernel": "/nowhere/kernel"}, r"kernel \(/nowhere/kernel\): No such file"),
    ({"kernel": "relative"}, "absolute path"),
    ({"bogus": 1}, "Parameter 'bogus' is unexpected"),
    ({"name": "../up"}, "name is"),
    ({"disks": [{"id": "a", "file": "/nowhere/disk"}]}, r"disks\[0\].file \(/nowhere/disk\)"),
    ({"disks": [{"id": "a", "file": "/x", "formt": "raw"}]}, r"'disks\[0\].formt' is unexpected"),
])
def test_a_wrong_definition_leaves_nothing_behind(pp, daemon, definition, change, words):
    before = sorted((daemon.state / "machines").iterdir())
    with pytest.raises(powerplay.Failed, match=words):
        pp.create(definition | change)
    assert sorted((daemon.state / "machines").iterdir()) == before
    assert pp.machine_list() == []


def test_a_kernel_that_cannot_run_fails_the_start_and_says_why(pp, definition, tmp_path):
    bad = tmp_path / "kernel"
    bad.write_text("no ELF\n" * 100)
    machine = pp.create(definition | {"kernel": str(bad)})
    with pytest.raises(powerplay.Failed, match="ELF"):
        machine.start()
    assert pp.machine_info("tiny")["state"] == "stopped"
    machine.destroy()


def test_a_crash_is_told_and_the_daemon_goes_on(pp, busy, daemon):
    busy.start()
    pid = pp.machine_info("busy")["pid"]
    with daemon.connect() as other:
        os.kill(pid, signal.SIGSEGV)
        while (event := other.connection.next_event(120))["event"] != "MACHINE_CRASHED":
            pass
    assert event["data"]["name"] == "busy" and "signal 11" in event["data"]["reason"]
    assert pathlib.Path(event["data"]["report"]).exists()
    assert pp.machine_info("busy")["state"] == "crashed"
    with pytest.raises(powerplay.WrongState, match="crashed"):
        busy.query_status()
    assert busy.start()["state"] == "running"


def test_a_request_that_is_under_way_when_the_process_dies_is_answered(pp, busy, daemon):
    busy.start()
    pid = pp.machine_info("busy")["pid"]
    with daemon.connect() as other:
        waiting = other.find("busy")
        end = waiting.query_chardev()[0]["written"]
        request = {"execute": "serial-read", "machine": "busy", "id": 77,
                   "arguments": {"offset": end, "wait": 60000}}
        busy.stop()
        end = waiting.query_chardev()[0]["written"]
        request["arguments"]["offset"] = end
        other.connection._socket.sendall(json.dumps(request).encode())
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        while "id" not in (message := other.connection.receive()):
            pass
    assert message["id"] == 77 and message["error"]["class"] == "DeviceNotActive"


def test_events_carry_machine_and_seq_and_can_be_asked_for_again(pp, machine):
    last = pp.events_since(0)["next"]
    machine.start(paused=True)
    machine.cont()
    machine.wait_for(status="shutdown")
    answer = pp.events_since(last)
    names = [event["event"] for event in answer["events"]]
    assert names[:3] == ["MACHINE_STATE_CHANGE", "MACHINE_STATE_CHANGE", "RESUME"]
    assert names[3:] == ["SHUTDOWN", "STOP"]
    assert [event["seq"] for event in answer["events"]] == list(range(last + 1, last + 6))
    assert {event["machine"] for event in answer["events"]} == {"tiny"}
    assert answer["complete"] and answer["next"] == last + 5
    assert pp.events_since(answer["next"])["events"] == []


def test_an_event_precedes_the_answer_of_its_cause(pp, busy):
    busy.start()
    pp.connection.events.clear()
    busy.stop()
    assert pp.connection.events[-1]["event"] == "STOP"
    busy.cont()
    assert pp.connection.events[-1]["event"] == "RESUME"


def test_machine_stop_says_that_the_guest_does_not_power_off_and_it_runs_on(pp, busy):
    busy.start()
    with pytest.raises(powerplay.PowerplayError, match="runs on; machine-kill ends it"):
        pp.machine_stop("busy", timeout=1)
    assert pp.machine_info("busy")["state"] == "running" and busy.query_status()["running"]


def test_two_clients_do_not_wait_for_each_other(pp, busy, daemon):
    busy.start()
    busy.stop()
    end = busy.query_chardev()[0]["written"]
    with daemon.connect() as other:
        other.connection._socket.sendall(json.dumps(
            {"execute": "serial-read", "machine": "busy", "id": 1, "arguments": {"offset": end, "wait": 60000}}
        ).encode())
        for _ in range(20):
            busy.query_status()
        other.connection._socket.settimeout(0)
        with pytest.raises(BlockingIOError):    # that one still waits
            print(other.connection._socket.recv(65536))


def raw(path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(120)
    connection.connect(str(path))
    return connection


def read_until(connection: socket.socket, words: bytes) -> bytes:
    data = b""
    while words not in data:
        piece = connection.recv(4096)
        assert piece, data
        data += piece
    return data


def test_the_machines_own_socket_speaks_plain_qmp(pp, busy):
    info = busy.start()
    assert os.stat(info["socket"]).st_mode & 0o777 == 0o600
    file = raw(info["socket"]).makefile("rwb")
    assert json.loads(file.readline())["QMP"]["capabilities"] == []
    for command in ("qmp_capabilities", "query-status"):
        file.write(json.dumps({"execute": command}).encode() + b"\n")
        file.flush()
        answer = json.loads(file.readline())
    assert answer["return"] == {"running": True, "status": "running"}
    file.write(b'{"execute": "stop"}\n')
    file.flush()
    event = json.loads(file.readline())
    assert event["event"] == "STOP" and "machine" not in event and "data" not in event
    assert json.loads(file.readline()) == {"return": {}}


def test_a_console_is_a_plain_socket_both_ways_for_several_clients(pp, busy):
    info = busy.start()
    path = info["consoles"][0]["socket"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    busy.wait_for(serial="ROUND 0003")
    one, two = raw(path), raw(path)
    read_until(two, b"ROUND")
    one.sendall(b"A")
    assert b"KEY 41" in read_until(two, b"KEY 41")
    read_until(one, b"KEY 41")
    one.close()
    two.sendall(b"\0\xff\x1d")
    read_until(two, b"KEY 1d")
    pp.machine_kill("busy")
    while two.recv(65536):
        pass
    assert not os.path.exists(path) and not os.path.exists(info["socket"])


def test_a_console_that_does_not_read_holds_nobody_up(pp, busy):
    info = busy.start()
    silent = raw(info["consoles"][0]["socket"])
    assert silent
    before = busy.query_chardev()[0]["written"]
    wait_until(lambda: busy.query_chardev()[0]["written"] > before + 500_000)
    assert busy.query_status()["running"]


def test_definitions_survive_a_restart_of_the_daemon(tiny):
    first = Daemon()
    try:
        with first.connect() as pp:
            pp.create(tiny.definition("kept", "rounds=3"))
            pp.find("kept").start()
        assert first.stop() == 0
        second = subprocess.Popen([program("powerplayd"), "--socket", first.socket, "--state", first.state,
                                   "--foreground"], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(first.socket))
            with first.connect() as pp:
                assert [m["name"] for m in pp.machine_list()] == ["kept"]
                assert pp.machine_list()[0]["state"] == "stopped"
                pp.shutdown()
            assert second.wait(120) == 0
        finally:
            second.kill()
        assert not first.socket.exists()
    finally:
        first.close()


def viewers_door(machine) -> dict:
    """What query-vnc tells once the helper has begun."""
    deadline = time.monotonic() + 60
    while not (info := machine.execute("query-vnc"))["enabled"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return info


def test_where_viewers_come_in_is_told_whole(tiny, tmp_path):
    """Also when there are colons in the path."""
    private = Daemon("--state", str(tmp_path / "a:b"))
    try:
        with private.connect() as pp:
            machine = pp.create(tiny.definition("seen", clock=FAST, display={"device": "vga", "vnc": {"listen": "unix"}}))
            machine.start(paused=True)
            info = viewers_door(machine)
            assert (info["family"], info["service"]) == ("unix", "")
            assert info["host"].startswith(str(tmp_path / "a:b")) and pathlib.Path(info["host"]).is_socket()
            machine.destroy()
    finally:
        private.close()


def display_helper_of(daemon) -> int:
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, name, rest = re.fullmatch(r"(\d+) \((.*)\) (.*)\n", stat.read_text()).groups()
            if name == "powerplay-displ" and int(rest.split()[1]) == daemon.process.pid:
                return int(pid)
    raise AssertionError("there is no display helper")


def security_types(path: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.settimeout(60)
        viewer.connect(path)
        assert viewer.recv(12) == b"RFB 003.008\n"
        viewer.sendall(b"RFB 003.008\n")
        return viewer.recv(2)


def test_a_helper_that_hung_hears_of_the_password_when_it_goes_on(tiny):
    private = Daemon()
    try:
        with private.connect() as pp:
            machine = pp.create(tiny.definition("seen", clock=FAST, display={"device": "vga", "vnc": {"listen": "unix"}}))
            machine.start(paused=True)
            path = viewers_door(machine)["host"]
            assert security_types(path) == b"\1\1"
            helper = display_helper_of(private)
            os.kill(helper, signal.SIGSTOP)
            with pytest.raises(powerplay.Failed, match="takes no more tokens"):
                for _ in range(5000):
                    machine.execute("vnc-web", {"origin": "http://127.0.0.1:1"})
            machine.execute("set_password", {"protocol": "vnc", "password": "secret"})
            os.kill(helper, signal.SIGCONT)
            deadline = time.monotonic() + 30
            while security_types(path) != b"\1\2":
                assert time.monotonic() < deadline, "viewers come in without a password"
                time.sleep(0.2)
            machine.execute("vnc-web", {"origin": "http://127.0.0.1:1"})
            machine.destroy()
    finally:
        private.close()


def test_shutdown_ends_every_process(tiny):
    private = Daemon()
    try:
        with private.connect() as pp:
            pids = []
            for name in ("a", "b", "c"):
                machine = pp.create(tiny.definition(name, "rounds=100000000"))
                machine.start()
                pids.append(pp.machine_info(name)["pid"])
            pp.shutdown()
        assert private.process.wait(120) == 0
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
    finally:
        private.close()


def test_the_process_inherits_nothing_but_its_line(pp, busy):
    busy.start()
    pid = pp.machine_info("busy")["pid"]
    targets = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert targets[0] == "/dev/null" and targets[1].endswith("log.txt") and targets[2].endswith("log.txt")
    others = [t for fd, t in targets.items() if fd > 2 and not t.startswith(("socket:", "anon_inode:", "pipe:"))]
    folder = pp.machine_info("busy")["directory"]
    kernel = json.loads((pathlib.Path(folder) / "definition.json").read_text())["kernel"]
    for target in others:
        assert target.startswith(folder) or target == kernel or target.startswith("/memfd:"), targets


def test_a_second_daemon_does_not_take_the_socket(daemon):
    result = subprocess.run([program("powerplayd"), "--socket", daemon.socket, "--state", daemon.folder / "other",
                             "--foreground"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 1 and "another server is listening" in result.stderr


def test_options_and_settings(tmp_path):
    def run(*arguments):
        return subprocess.run([program("powerplayd"), *arguments], capture_output=True, text=True, timeout=120)

    assert run("--version").stdout.startswith("powerplayd ")
    assert "--socket" in run("--help").stdout
    assert run("--nonsense").returncode == 2
    assert run("extra").returncode == 2
    config = tmp_path / "c.conf"
    config.write_text("[daemon]\nsokcet=/x\n")
    result = run("--config", str(config))
    assert result.returncode == 2 and "'sokcet'" in result.stderr


def test_a_socket_from_a_service_manager_is_served(tmp_path):
    path = tmp_path / "activated.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    script = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); " \
             "os.environ['LISTEN_FDS'] = '1'; os.execv(sys.argv[2], sys.argv[2:])"
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", script, str(listener.fileno()), program("powerplayd"), "--state",
         tmp_path / "state", "--foreground"], pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
    try:
        with powerplay.sync.connect(path) as pp:
            assert pp.machine_list() == []
            pp.shutdown()
        assert process.wait(10) == 0
        assert path.exists()
    finally:
        process.kill()
