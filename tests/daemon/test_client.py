# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python package: both kinds of client, and that they are the same."""

import asyncio
import contextlib
import inspect
import socket
import subprocess
import sys

import pytest
from conftest import FAST, ROOT

import powerplay
import powerplay.aio
import powerplay.sync


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 300))


def test_a_machine_for_the_time_of_an_async_with(daemon, tiny):
    async def scenario():
        definition = tiny.definition("short", "rounds=50", "wait=2000", clock=FAST | {"sleep": True})
        async with powerplay.connect(daemon.socket) as pp, pp.machine(definition, record="r1") as m:
            await m.wait_for(serial=r"TINY-READY")
            await m.type("xy")
            await m.wait_for(serial=r"KEY 78\s+KEY 79")
            assert await m.record() == "r1"
            status = await asyncio.gather(*(m.query_status() for _ in range(20)))
            assert len(status) == 20
            await m.wait_for(status="shutdown")
            info = await m.replay("r1")
            assert info["status"] == "ended" and b"KEY 78" in m.reader.output
        async with powerplay.connect(daemon.socket) as pp:
            assert await pp.machine_list() == []
    run(scenario())


def test_the_same_without_await(daemon, tiny):
    definition = tiny.definition("short", "rounds=5", clock=FAST)
    with powerplay.sync.connect(daemon.socket) as pp, pp.machine(definition, record="r1") as m:
        m.wait_for(serial=rb"TINY-DONE")
        m.wait_for(status="shutdown")
        assert m.replay("r1")["status"] == "ended"
    with powerplay.sync.connect(daemon.socket) as pp:
        assert pp.machine_list() == []


def test_a_machine_is_gone_even_when_the_body_fails(daemon, definition):
    async def scenario():
        async with powerplay.connect(daemon.socket) as pp:
            with pytest.raises(ZeroDivisionError):
                async with pp.machine(definition):
                    1 / 0
            assert await pp.machine_list() == []
    run(scenario())


def test_events_and_waiting_for_them(daemon, definition):
    async def scenario():
        async with powerplay.connect(daemon.socket) as pp, pp.machine(definition, paused=True) as m:
            waiting = asyncio.create_task(m.wait_for(event="RESUME"))
            await asyncio.sleep(0.05)
            await m.cont()
            assert (await waiting)["machine"] == "tiny"
            with pytest.raises(powerplay.TimedOut):
                await m.wait_for(event="NEVER", timeout=0.1)
            with pytest.raises(powerplay.WrongState, match="shutdown"):
                await m.wait_for(serial="never written", timeout=120)
            with pytest.raises(TypeError):
                await m.wait_for()
    run(scenario())


def test_a_command_that_the_daemon_cannot_read_fails_and_the_next_one_does_not(daemon):
    deep: list = []
    for _ in range(200):
        deep = [deep]
    bad = ({"name": "x" * (1 << 20)}, {"name": deep})

    async def scenario():
        async with powerplay.connect(daemon.socket) as pp:
            for arguments in bad:
                with pytest.raises(powerplay.Failed, match="limit exceeded"):
                    await asyncio.wait_for(pp.execute("machine-info", arguments), 10)
                lists = await asyncio.gather(*(pp.machine_list() for _ in range(5)))
                assert lists == [[]] * 5
    run(scenario())
    with powerplay.sync.connect(daemon.socket) as pp:
        for arguments in bad:
            with pytest.raises(powerplay.Failed, match="limit exceeded"):
                pp.execute("machine-info", arguments)
            assert pp.machine_list() == []


def test_a_page_server_gets_a_token_when_there_is_a_helper_again(monkeypatch):
    from powerplay import web
    monkeypatch.setattr(web, "page_folder", lambda: None)
    monkeypatch.setattr(web, "read_page", lambda _folder: {})
    tokens, told = ["one", None, None, "two"], []

    class Machine:
        def execute(self, _command, _arguments):
            if (token := tokens.pop(0)) is None:
                raise powerplay.Failed("the helper has just died")
            return {"socket": "/nowhere", "token": token}

    with web.Server(Machine(), 0, told.append) as server:
        server.renew()
        with pytest.raises(powerplay.Failed):
            server.renew(spent="one")
        server.service_actions()
        server.service_actions()
        server.service_actions()
    assert [address.partition("#")[2] for address in told] == ["one", "two"]


def test_a_connection_outlives_a_wait_that_was_too_short(pp, machine):
    for _ in range(3):
        with pytest.raises(powerplay.TimedOut):
            pp.connection.next_event(timeout=0.01)
        assert pp.machine_info("tiny")["name"] == "tiny"
    pp.connection.events.clear()
    machine.start(paused=True)
    machine.cont()
    while pp.connection.next_event(timeout=5)["event"] != "RESUME":
        pass
    machine.end()


def test_errors_have_types(pp, machine):
    for kind, call in ((powerplay.NotFound, lambda: pp.machine_info("nobody")),
                       (powerplay.WrongState, lambda: machine.query_status()),
                       (powerplay.CommandNotFound, lambda: pp.execute("nope")),
                       (powerplay.Failed, lambda: pp.execute("machine-info", {"name": 1})),
                       (powerplay.Unreachable, lambda: powerplay.sync.connect("/nowhere/socket"))):
        with pytest.raises(kind) as info:
            call()
        assert isinstance(info.value, powerplay.PowerplayError)


def test_a_daemon_that_goes_is_noticed(tiny):
    from conftest import Daemon
    private = Daemon()

    async def scenario():
        async with powerplay.connect(private.socket) as pp:
            await pp.shutdown()
            with pytest.raises(powerplay.Unreachable):
                for _ in range(100):
                    await pp.machine_list()
                    await asyncio.sleep(0.02)
            with pytest.raises(powerplay.Disconnected):
                await asyncio.wait_for(pp.find("nobody").wait_for(event="RESUME"), 10)
    try:
        run(scenario())
    finally:
        private.close()


def with_taps(tiny, *names):
    nics = [{"id": f"net{number}", "backend": "tap", "tap": f"fd:{name}"} for number, name in enumerate(names)]
    return tiny.definition("tapped", "rounds=100000000", clock=FAST, nics=nics)


@contextlib.contextmanager
def packets(kind=socket.SOCK_SEQPACKET):
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("kind", [socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
def test_a_machine_is_started_with_descriptors_that_its_client_passes(daemon, tiny, kind):
    async def scenario():
        async with powerplay.connect(daemon.socket) as pp:
            far = [socket.socketpair(socket.AF_UNIX, kind) for _ in range(2)]
            await asyncio.gather(pp.pass_fd("one", far[0][1].fileno()), *(pp.machine_list() for _ in range(20)),
                                 pp.pass_fd("two", far[1][1].fileno()))
            for _, passed in far:
                passed.close()
            async with pp.machine(with_taps(tiny, "one", "two"), record="r1") as machine:
                while not all(nic["connected"] for nic in await machine.query_netdev()):
                    await asyncio.sleep(0.02)
                with pytest.raises(powerplay.Failed, match="is here already: choose another name"):
                    await pp.pass_fd("one", 0)
                await pp.closefd("one")
                await pp.closefd("two")
                with pytest.raises(powerplay.Failed, match="'two' not found: this connection has not got one by getfd"):
                    await pp.closefd("two")
                assert all(nic["connected"] for nic in await machine.query_netdev())    # they are the machine's, too
                await machine.end()
                with pytest.raises(powerplay.Failed, match="this connection has passed no descriptor of that name"):
                    await machine.start()
                assert (await machine.replay("r1"))["status"] in ("ended", "short")
            for ours, _ in far:
                ours.close()
    run(scenario())


def test_what_is_no_tap_is_refused_and_named(daemon, tiny):
    def refused(pp, names, match):
        machine = pp.create(with_taps(tiny, *names))
        with pytest.raises(powerplay.Failed, match=match):
            machine.start()
        machine.destroy()

    with daemon.connect() as pp, daemon.connect() as other, packets() as (_, good), packets(socket.SOCK_STREAM) as (_, stream):
        with pytest.raises(powerplay.Failed, match="No file descriptor supplied via SCM_RIGHTS"):
            pp.getfd("none")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, open(sys.executable, "rb") as file, open("/dev/null", "rb") as null:
            listener.bind("")
            listener.listen()
            for name, passed in {"stream": stream, "listener": listener, "file": file, "null": null, "good": good}.items():
                pp.pass_fd(name, passed.fileno())
        refused(pp, ["none"], r'^nics\[0\]\.tap is "fd:none": this connection has passed no descriptor of that name')
        refused(pp, ["good", "stream"], r'^nics\[1\]\.tap is "fd:stream": it is neither a tap nor a socket that keeps packets apart')
        refused(pp, ["null"], "neither a tap nor a socket")
        refused(pp, ["file"], "neither a tap nor a socket")
        refused(pp, ["listener"], "it is a socket that listens")
        refused(pp, ["good", "good"], r'^nics\[1\]\.tap is "fd:good", which another nic of the machine has')
        refused(other, ["good"], "this connection has passed no descriptor")
        for wrong in ("", "-1", "1", "2x", "+x"):
            with pytest.raises(powerplay.Failed, match="expected an interface's name"):
                pp.create(with_taps(tiny, wrong))
        for number in range(11):
            pp.pass_fd(f"more{number}", good.fileno())
        with pytest.raises(powerplay.Failed, match="16 file descriptors of this client are here already"):
            pp.pass_fd("last", good.fileno())


def public(kind):
    return {name: member for name, member in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("one, other", [(powerplay.sync.Machine, powerplay.aio.Machine),
                                        (powerplay.commands.MachineCommands, powerplay.commands.AsyncMachineCommands),
                                        (powerplay.commands.DaemonCommands, powerplay.commands.AsyncDaemonCommands)])
def test_both_clients_have_the_same_methods(one, other):
    assert set(public(one)) == set(public(other))
    for name, member in public(one).items():
        if name != "wait_for":  # only asyncio can wait for events beside everything else
            assert inspect.signature(member).parameters.keys() == inspect.signature(public(other)[name]).parameters.keys()


def test_the_package_works_from_a_source_checkout(tmp_path):
    script = "import powerplay; print(len(powerplay.commands.EVENTS), powerplay.__file__)"
    result = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'clients/python')!r}); {script}"],
                            capture_output=True, text=True, cwd=tmp_path, check=True)
    assert int(result.stdout.split()[0]) > 5


def test_answers_have_the_shape_that_the_schema_says(pp, busy):
    """Every query of a running machine, member by member."""
    import json
    schema = {row["name"]: row for row in pp.query_qmp_schema()}
    busy.start()
    schema |= {row["name"]: row for row in busy.query_qmp_schema()}
    failures = []

    def check(value, kind, where):
        row = schema[kind]
        meta = row["meta-type"]
        if meta == "array":
            for item in value:
                check(item, row["element-type"], where + "[]")
        elif meta == "enum" and value not in row["values"]:
            failures.append(f"{where}: {value!r} is none of {kind}")
        elif meta == "object" and row["members"]:
            members = {member["name"]: member for member in row["members"]}
            failures.extend(f"{where}.{name} is not in {kind}" for name in value.keys() - members.keys())
            for name, member in members.items():
                if name in value:
                    check(value[name], member["type"], f"{where}.{name}")
                elif "default" not in member:
                    failures.append(f"{where}.{name} is missing")
        elif meta == "builtin":
            python = {"int": int, "boolean": bool, "string": str, "number": (int, float)}.get(row["json-type"], object)
            if not isinstance(value, python):
                failures.append(f"{where}: {json.dumps(value)} is no {kind}")

    for name in ("query-version", "query-commands", "machine-list", "query-metrics", "recording-list"):
        check(pp.execute(name), {row["name"]: row for row in pp.query_qmp_schema()}[name]["ret-type"], name)
    for name in ("query-status", "query-name", "query-target", "query-machines", "query-cpus-fast", "query-registers",
                 "query-device-state", "state-hash", "query-chardev", "serial-read", "query-metrics", "query-replay",
                 "query-divergence"):
        check(busy.execute(name), {row["name"]: row for row in busy.query_qmp_schema()}[name]["ret-type"], name)
    assert not failures, failures
