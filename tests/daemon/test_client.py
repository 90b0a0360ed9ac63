# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python package: both kinds of client, and that they are the same."""

import asyncio
import inspect
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
    try:
        run(scenario())
    finally:
        private.close()


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
