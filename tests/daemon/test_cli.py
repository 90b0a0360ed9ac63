# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: each verb, each exit code, and a real terminal for the console."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import time

import pytest
from conftest import FAST, program

OK, FAILED, USAGE, NOT_FOUND, WRONG_STATE, UNREACHABLE, TIMED_OUT, DIVERGED, REFUSED = range(9)


@pytest.fixture
def cli(daemon):
    def run(*arguments, code=OK, text="", **environment):
        result = subprocess.run([program("powerplay"), *map(str, arguments)], input=text, capture_output=True,
                                text=True, timeout=300, env=os.environ | {"POWERPLAY_SOCKET": str(daemon.socket)} | environment)
        assert result.returncode == code, (arguments, result.stdout, result.stderr)
        return result
    return run


@pytest.fixture
def file(definition, tmp_path):
    """The definition as a file beside its kernel, which it names relatively."""
    os.symlink(definition["kernel"], tmp_path / "kernel")
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(definition | {"kernel": "kernel"}))
    return path


@pytest.fixture
def made(cli, file):
    cli("create", file)
    yield "tiny"
    cli("destroy", "tiny", "--force")


def test_the_life_of_a_machine(cli, file):
    assert "tiny is stopped" in cli("create", file).stdout
    assert "tiny" in cli("list").stdout
    assert cli("record", "tiny", "first").stdout
    assert cli("wait", "tiny", "--serial", "TINY-[A-Z]+").stdout.strip() == "TINY-READY"
    assert cli("wait", "tiny", "--status", "shutdown", "--timeout", 300).stdout
    assert "first is closed" in cli("record", "tiny", "--stop").stdout
    assert cli("stop", "tiny").stdout == "tiny is stopped\n"
    assert "first held" in cli("replay", "tiny", "first").stdout
    info = json.loads(cli("info", "tiny", "--json").stdout)
    assert info["recordings"] == ["first"] and info["state"] == "stopped"
    cli("start", "tiny", "--paused")
    assert json.loads(cli("qmp", "tiny", "query-status").stdout)["status"] == "prelaunch"
    cli("resume", "tiny")
    cli("kill", "tiny")
    cli("destroy", "tiny")
    assert json.loads(cli("list", "--json").stdout) == []


def test_every_verb_has_help_with_an_example(cli):
    top = cli("--help").stdout
    assert "Exit codes" in top
    for verb in ("create start stop kill destroy list info console type wait record replay qmp doctor "
                 "version pause resume reset events").split():
        assert f"    {verb} " in top
        assert f"Example: powerplay {verb}" in cli(verb, "--help").stdout.replace("\n", " ")


def test_exit_1_failed(cli, file):
    result = cli("create", file.parent / "none.json", code=FAILED)
    assert result.stderr.startswith("powerplay: create: ") and "none.json" in result.stderr
    file.write_text("{")
    assert "not JSON" in cli("create", file, code=FAILED).stderr
    file.write_text('{"name": "x", "kernel": "nowhere"}')
    assert str(file.parent / "nowhere") in cli("create", file, code=FAILED).stderr


def test_exit_2_usage(cli):
    cli(code=USAGE)
    cli("nonsense", code=USAGE)
    cli("start", code=USAGE)
    cli("qmp", "-", "query-metrics", "{", code=USAGE)


def test_what_cannot_be_understood_or_opened_is_named(cli, made, tmp_path):
    """By a line that says what it was, never by Python's own words."""
    missing = tmp_path / "missing"
    for words, text, code, said in (
            (("wait", "tiny", "--serial", "("), "", USAGE, "'(' is no regular expression"),
            (("type", "tiny", "abc\\"), "", USAGE, "--literal types it as it is"),
            (("qmp", "tiny"), '{"run": "query-status"}\n', USAGE, '{"run": "query-status"} is no request'),
            (("qmp", "tiny"), "[]\n", USAGE, "[] is no request"),
            (("import", "tiny", missing), "", FAILED, f"{missing}: No such file or directory")):
        result = cli(*words, text=text, code=code)
        assert said in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_exit_3_not_found(cli):
    result = cli("start", "nobody", code=NOT_FOUND)
    assert result.stderr == "powerplay: start: There is no machine 'nobody'\nhint: `powerplay list` shows the machines\n"
    for verb in ("stop", "kill", "destroy", "info", "console"):
        cli(verb, "nobody", code=NOT_FOUND)
    cli("type", "nobody", "x", code=NOT_FOUND)
    cli("wait", "nobody", code=NOT_FOUND)
    cli("replay", "nobody", "r", code=NOT_FOUND)


def test_exit_4_wrong_state(cli, made, file):
    cli("create", file, code=WRONG_STATE)
    cli("kill", made, code=WRONG_STATE)
    cli("type", made, "x", code=WRONG_STATE)
    assert "hint: `powerplay start tiny`" in cli("console", made, code=WRONG_STATE).stderr
    cli("start", made, "--paused")
    cli("start", made, code=WRONG_STATE)
    cli("destroy", made, code=WRONG_STATE)
    cli("record", made, "--stop", code=WRONG_STATE)


def test_exit_5_unreachable(cli, tmp_path):
    result = cli("list", "--socket", tmp_path / "none", code=UNREACHABLE)
    assert "no daemon answers" in result.stderr and "hint: start one with `powerplayd`" in result.stderr
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "dead"))
    listener.close()
    cli("list", "--socket", tmp_path / "dead", code=UNREACHABLE)
    cli("doctor", "--socket", tmp_path / "none", code=FAILED)
    assert "no daemon" in cli("version", "--socket", tmp_path / "none").stdout


def test_exit_6_timed_out(cli, tiny, pp):
    pp.create(tiny.definition("endless", "rounds=100000000", clock=FAST)).start()
    try:
        cli("wait", "endless", "--serial", "never written", "--timeout", 0.5, code=TIMED_OUT)
        cli("wait", "endless", "--status", "shutdown", "--timeout", 0.5, code=TIMED_OUT)
        late = cli("wait", "endless", "--event", "RESET", "--timeout", 0.5, code=TIMED_OUT)
        assert "endless sent no RESET within 0.5 s" in late.stderr
    finally:
        pp.find("endless").destroy()


def test_exit_7_a_replay_that_does_not_hold(cli, tiny, pp):
    """The recording of one command line gets the definition of another one, as if nothing had changed."""
    try:
        for name, rounds in (("one", "rounds=5"), ("two", "rounds=6")):
            pp.create(tiny.definition(name, rounds, clock=FAST))
            cli("record", name, "r1")
            cli("wait", name, "--status", "shutdown")
            cli("stop", name)
        one, two = (row["directory"] for row in pp.recording_list())
        os.replace(os.path.join(one, "log"), os.path.join(two, "log"))
        assert "powerplay: replay: " in cli("replay", "two", "r1", code=DIVERGED).stderr
    finally:
        for name in ("one", "two"):
            pp.find(name).destroy()


def test_exit_8_refused(cli, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser is never refused")
    path = tmp_path / "theirs"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    path.chmod(0)
    cli("list", "--socket", path, code=REFUSED)


def test_exit_130_interrupted(tmp_path):
    """By somebody who waits for an answer: a daemon that says nothing knows when it is there, however slow the host is."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        silent.settimeout(120)
        process = subprocess.Popen([program("powerplay"), "--socket", str(tmp_path / "silent"), "list"],
                                   stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        try:
            with silent.accept()[0]:
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=120)[1] == "" and process.returncode == 130
        finally:
            process.kill()
            process.wait()


def test_qmp_takes_requests_from_a_pipe(cli, made):
    lines = cli("qmp", "-", text='{"execute": "machine-list"}\n\n{"execute": "nope"}\n').stdout.splitlines()
    assert json.loads(lines[0])["return"][0]["name"] == "tiny"
    assert json.loads(lines[1])["error"]["class"] == "CommandNotFound"


def test_json_of_each_verb_is_one_value(cli, file):
    for arguments in (["create", file], ["list"], ["start", "tiny", "--paused"], ["info", "tiny"], ["type", "tiny", "x"],
                      ["snapshot", "tiny", "save", "s"], ["snapshot", "tiny", "list"], ["snapshot", "tiny", "load", "s"],
                      ["snapshot", "tiny", "delete", "s"],
                      ["resume", "tiny"], ["wait", "tiny"], ["pause", "tiny"], ["kill", "tiny"],
                      ["record", "tiny", "j"], ["kill", "tiny"], ["replay", "tiny", "j"], ["destroy", "tiny", "--force"],
                      ["doctor"], ["version"]):
        json.loads(cli(*arguments, "--json").stdout)


def test_cables_ports_and_disks(cli, file, tmp_path):
    definition = json.loads(file.read_text())
    for name in ("a.img", "b.img", "c.img"):
        (tmp_path / name).write_bytes(bytes(1 << 20))
    definition["nics"] = [{"id": "net0", "backend": "user"}, {"id": "net1"}]
    definition["disks"] = [{"id": "hd0", "file": "a.img"}, {"id": "cd0", "file": "b.img", "readonly": True, "media": ["c.img"]}]
    file.write_text(json.dumps(definition))
    cli("create", file)
    try:
        cli("start", "tiny", "--paused")
        listed = cli("net", "tiny").stdout.splitlines()
        assert listed[1].split()[:4] == ["net0", "user", "52:54:00:12:34:56", "in"] and listed[2].split()[:2] == ["net1", "null"]
        assert "the cable of net1 is out" in cli("net", "tiny", "unplug", "net1").stdout
        assert [nic["link"] for nic in json.loads(cli("net", "tiny", "--json").stdout)] == [True, False]
        assert json.loads(cli("net", "tiny", "plug", "net1", "--json").stdout)["link"]
        assert "There is no nic 'net2'" in cli("net", "tiny", "plug", "net2", code=NOT_FOUND).stderr
        assert "the adapter's id is needed" in cli("net", "tiny", "plug", code=FAILED).stderr
        cli("net", "tiny", "pull", code=USAGE)
        deadline = time.monotonic() + 120
        while not json.loads(cli("net", "tiny", "--json").stdout)[0]["connected"] and time.monotonic() < deadline:
            time.sleep(0.1)
        port = json.loads(cli("hostfwd", "tiny", "add", "tcp::0-:22", "--json").stdout)["host-port"]
        assert f"net0  tcp 127.0.0.1:{port} -> 10.0.2.15:22" in cli("hostfwd", "tiny").stdout
        assert "expects a port as" in cli("hostfwd", "tiny", "add", "22", code=FAILED).stderr
        cli("hostfwd", "tiny", "add", "tcp::0-:22", "--nic", "net1", code=NOT_FOUND)
        cli("hostfwd", "tiny", "remove", f"tcp::{port}-:22")
        assert json.loads(cli("hostfwd", "tiny", "--json").stdout) == []
        assert "cd0" in cli("disk", "tiny").stdout and "cd0 is empty" in cli("disk", "tiny", "eject", "cd0").stdout
        assert "cd0 holds c.img" in cli("disk", "tiny", "change", "cd0", "c.img").stdout
        assert "has no medium" in cli("disk", "tiny", "change", "cd0", "d.img", code=FAILED).stderr
        assert json.loads(cli("disk", "tiny", "list", "--json").stdout)[0]["device"] == "hd0"
        cli("disk", "tiny", "commit", "hd0", code=WRONG_STATE)
        cli("kill", "tiny")
        assert "0 KiB of changes are in the image of hd0" in cli("disk", "tiny", "commit", "hd0").stdout
    finally:
        cli("destroy", "tiny", "--force")


def wait_connected(cli, is_connected):
    deadline = time.monotonic() + 120
    while json.loads(cli("net", "tiny", "--json").stdout)[0]["connected"] != is_connected:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_command_line_passes_a_tap_that_its_user_has(cli, daemon, file):
    file.write_text(json.dumps(json.loads(file.read_text()) | {"nics": [{"id": "net0", "backend": "tap", "tap": "fd:uplink"}]}))
    cli("create", file)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    start = [program("powerplay"), "--socket", str(daemon.socket), "record", "tiny", "first", "--paused", "--fd", f"uplink={theirs.fileno()}"]
    try:
        assert "getfd comes first" in cli("start", "tiny", code=FAILED).stderr
        assert "was not started with descriptor 99" in cli("start", "tiny", "--fd", "uplink=99", code=FAILED).stderr
        assert "expected NAME=INTERFACE or NAME=N" in cli("start", "tiny", "--fd", "uplink", code=FAILED).stderr
        assert "cannot open the tap tap-none" in cli("start", "tiny", "--fd", "uplink=tap-none", code=FAILED).stderr
        assert "'2x'" in cli("start", "tiny", "--fd", "2x=0", code=FAILED).stderr
        subprocess.run(start, check=True, timeout=300, pass_fds=[theirs.fileno()])
        theirs.close()
        wait_connected(cli, True)
        ours.close()
        wait_connected(cli, False)
        cli("resume", "tiny")
        cli("wait", "tiny", "--status", "shutdown", "--timeout", 300)
        cli("kill", "tiny")
        assert "first held" in cli("replay", "tiny", "first").stdout
    finally:
        cli("destroy", "tiny", "--force")


def test_a_snapshot_is_saved_listed_loaded_and_deleted(cli, made):
    cli("start", "tiny", "--paused")
    assert "is saved as one" in cli("snapshot", "tiny", "save", "one").stdout
    listed = cli("snapshot", "tiny", "list").stdout.splitlines()
    assert listed[0].split()[0] == "NAME" and listed[1].split()[:2] == ["*", "one"]
    assert "what it was in one" in cli("snapshot", "tiny", "load", "one").stdout
    failed = cli("snapshot", "tiny", "load", "two", code=NOT_FOUND)
    assert "There is no snapshot 'two'" in failed.stderr
    assert "a name for the snapshot is needed" in cli("snapshot", "tiny", "save", code=FAILED).stderr
    cli("snapshot", "tiny", "delete", "one")
    assert "no snapshots" in cli("snapshot", "tiny", "list").stdout


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, arguments, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(arguments[0], arguments, environment)
        self.seen = b""

    def expect(self, words: bytes, seconds=120):
        deadline = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen[-300:]
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536)

    def type(self, data: bytes):
        os.write(self.fd, data)


def test_the_console_is_a_terminal_until_the_escape_key(tiny, pp, daemon):
    pp.create(tiny.definition("talker", "rounds=100000000", "wait=3000", clock=FAST | {"sleep": True})).start()
    try:
        terminal = Terminal([program("powerplay"), "console", "talker"],
                            os.environ | {"POWERPLAY_SOCKET": str(daemon.socket)})
        terminal.expect(b"Ctrl-] leaves")
        terminal.expect(b"ROUND")
        terminal.type(b"\x03")  # not an interrupt of the client: it goes to the guest
        terminal.expect(b"KEY 03")
        terminal.type(b"\x1a\x1b[A")
        terminal.expect(b"KEY 1a")
        terminal.expect(b"KEY 41")
        terminal.type(b"\x1d")
        terminal.expect(b"it runs on")
        assert os.waitpid(terminal.pid, 0)[1] == 0
        assert pp.find("talker").query_status()["running"]
    finally:
        pp.find("talker").destroy()
