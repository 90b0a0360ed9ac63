# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: `powerplay VERB [MACHINE] ...`. Each verb is one function and one row of VERBS."""

import argparse
import json
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import errors
from .debugger import do_gdb
from .definition import load_definition
from .devices import do_disk, do_hostfwd, do_net, pass_taps, table
from .places import default_socket
from .screen import do_key, do_screenshot, do_vnc
from .sync import Connection, Machine, Powerplay
from .time_search import do_compare, do_executions, do_export, do_import, do_last_write, do_log, do_reverse, number
from .time_travel import do_seek, do_takeover, do_timeline
from .wire import Call

OK, FAILED, USAGE, NOT_FOUND, WRONG_STATE, UNREACHABLE, TIMED_OUT, DIVERGED, REFUSED = range(9)
INTERRUPTED = 130

EXIT_CODES: List[Tuple[type, int]] = [
    (errors.NotFound, NOT_FOUND), (errors.WrongState, WRONG_STATE),
    (errors.Refused, REFUSED), (errors.Unreachable, UNREACHABLE), (errors.TimedOut, TIMED_OUT),
    (errors.Diverged, DIVERGED), (errors.PowerplayError, FAILED)]

HINTS: Dict[type, str] = {
    errors.NotFound: "`powerplay list` shows the machines",
    errors.WrongState: "`powerplay info MACHINE` shows what it is doing",
}

Arguments = argparse.Namespace


class Output:
    """What a verb prints: a text for people, or one JSON value."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, value: Any, text: Optional[str] = None) -> None:
        if self.as_json:
            print(json.dumps(value))
        elif text:
            print(text)


def open_machine(arguments: Arguments) -> Tuple[Powerplay, Machine]:
    daemon = Powerplay(arguments.socket)
    return daemon, daemon.find(arguments.machine)


# --- verbs ---

def do_create(arguments: Arguments, out: Output) -> int:
    definition = load_definition(arguments.definition)
    if arguments.name:
        definition["name"] = arguments.name
    with Powerplay(arguments.socket) as daemon:
        info = daemon.execute("machine-create", definition)
        if arguments.start:
            info = daemon.machine_start(definition["name"])
    out.show(info, f"{info['name']} is {info['state']}")
    return OK


def do_start(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    pass_taps(daemon, arguments.fd)
    info = machine.start(paused=arguments.paused or None, record=arguments.record)
    out.show(info, f"{info['name']} is {info.get('status', info['state'])}")
    return OK


def do_stop(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    daemon.machine_stop(machine.name, timeout=arguments.timeout)
    out.show({"name": machine.name, "state": "stopped"}, f"{machine.name} is stopped")
    return OK


def do_kill(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    daemon.machine_kill(machine.name)
    out.show({"name": machine.name, "state": "stopped"}, f"{machine.name} is stopped")
    return OK


def do_destroy(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    if arguments.force:
        machine.end()
    daemon.machine_destroy(machine.name)
    out.show({"name": machine.name}, f"{machine.name} is forgotten")
    return OK


def simple(command: str, text: str) -> Callable[[Arguments, Output], int]:
    """A verb that is one command to the machine."""
    def run(arguments: Arguments, out: Output) -> int:
        _, machine = open_machine(arguments)
        machine.execute(command)
        out.show({"name": machine.name}, f"{machine.name} {text}")
        return OK
    return run


def do_list(arguments: Arguments, out: Output) -> int:
    with Powerplay(arguments.socket) as daemon:
        machines = daemon.machine_list()
    rows = [["NAME", "STATE", "GUEST", "BOARD", "RECORDINGS"]]
    rows += [[m["name"], m["state"], m.get("status", "-"), m["board"],
              str(len(m["recordings"]))] for m in machines]
    out.show(machines, table(rows) if machines else "no machines; `powerplay create FILE` makes one")
    return OK


def do_info(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    info: Dict[str, Any] = dict(daemon.machine_info(machine.name))
    if info["state"] == "running":
        info["replay"] = machine.query_replay()
        info["run-state"] = machine.query_status()
    rows = [[name, value if isinstance(value, str) else json.dumps(value)]
            for name, value in info.items()]
    out.show(info, table(rows))
    return OK


def do_type(arguments: Arguments, out: Output) -> int:
    _, machine = open_machine(arguments)
    text = " ".join(arguments.text)
    if not arguments.literal:
        try:
            text = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
        except UnicodeDecodeError as error:
            raise ValueError(f"the text has a backslash that begins no character ({error.reason}); "
                             "--literal types it as it is") from None
    text += "" if arguments.no_newline else "\n"
    if arguments.keyboard:
        machine.execute("type-text", {"text": text, "device": "keyboard"})
    else:
        machine.type(text)
    out.show({"typed": len(text)})
    return OK


def do_wait(arguments: Arguments, out: Output) -> int:
    _, machine = open_machine(arguments)
    if arguments.serial is not None:
        found = machine.wait_for(serial=arguments.serial, timeout=arguments.timeout)
        text = found.group(0).decode("utf-8", "replace") if not isinstance(found, str) else found
        out.show({"serial": text}, text)
        return OK
    if arguments.event is not None:
        return wait_event(arguments, machine, out)
    status = machine.wait_for(status=arguments.status or "stopped", timeout=arguments.timeout)
    out.show({"status": status}, f"{machine.name} is {status}")
    return OK


def wait_event(arguments: Arguments, machine: Machine, out: Output) -> int:
    import time
    machine.daemon.machine_info(machine.name)
    deadline = time.monotonic() + arguments.timeout
    while True:
        try:
            event = machine.daemon.connection.next_event(deadline - time.monotonic())
        except errors.TimedOut:
            raise errors.TimedOut(f"{machine.name} sent no {arguments.event} within "
                                  f"{arguments.timeout:g} s") from None
        if event["event"] == arguments.event and event.get("machine") == machine.name:
            out.show(event, arguments.event)
            return OK


def do_record(arguments: Arguments, out: Output) -> int:
    daemon, machine = open_machine(arguments)
    if arguments.stop:
        result = machine.record_stop()
        out.show(result, f"{result['recording']} is closed at {result['icount']} instructions")
        return OK
    if not arguments.recording:
        raise errors.Failed("a name for the recording is needed",
                            "`powerplay record MACHINE NAME` starts the machine and records it; "
                            "`powerplay record MACHINE --stop` closes the recording")
    pass_taps(daemon, arguments.fd)
    machine.start(record=arguments.recording, paused=arguments.paused or None)
    out.show({"recording": arguments.recording},
             f"{machine.name} runs and is recorded as {arguments.recording}")
    return OK


def do_replay(arguments: Arguments, out: Output) -> int:
    _, machine = open_machine(arguments)
    if arguments.no_wait:
        machine.start(replay=arguments.recording, paused=arguments.paused or None)
        out.show(machine.query_replay(), f"{machine.name} replays {arguments.recording}")
        return OK
    info = machine.replay(arguments.recording, arguments.timeout)
    text = f"{arguments.recording} held: {info['icount']} instructions, {info['hash-points']} hashes"
    if info["status"] == "short":
        text += "; the recording was cut off there"
    if not arguments.keep:
        machine.end()
    out.show(info, text)
    return OK


def do_snapshot(arguments: Arguments, out: Output) -> int:
    _, machine = open_machine(arguments)
    if arguments.action == "list":
        return list_snapshots(machine, out)
    if not arguments.name:
        raise errors.Failed("a name for the snapshot is needed",
                            f"`powerplay snapshot {machine.name} {arguments.action} NAME`")
    command = {"save": "savevm", "load": "loadvm", "delete": "delvm"}[arguments.action]
    result = machine.execute(command, {"name": arguments.name})
    text = {"save": f"{machine.name} is saved as {arguments.name}",
            "load": f"{machine.name} is what it was in {arguments.name}",
            "delete": f"{arguments.name} is deleted"}[arguments.action]
    if result.get("recording"):
        text += f", and is recorded as {result['recording']}"
    out.show({"name": machine.name, "snapshot": arguments.name, **result}, text)
    return OK


def list_snapshots(machine: Machine, out: Output) -> int:
    snapshots = machine.execute("query-snapshots")
    rows = [["", "NAME", "SAVED (UTC)", "INSTRUCTIONS", "KIB", "PARENT", "RECORDING"]]
    for snapshot in snapshots:
        if "damage" in snapshot:
            rows.append(["!", snapshot["name"], snapshot["damage"], "", "", "", ""])
            continue
        rows.append(["*" if snapshot["current"] else "", snapshot["name"],
                     snapshot["date"][:19].replace("T", " "), str(snapshot["icount"]),
                     str(snapshot["bytes"] // 1024), snapshot.get("parent", "-"),
                     snapshot.get("recording", "-")])
    out.show(snapshots, table(rows) if snapshots else
             f"no snapshots; `powerplay snapshot {machine.name} save NAME` makes one")
    return OK


def do_events(arguments: Arguments, out: Output) -> int:
    with Powerplay(arguments.socket) as daemon:
        for event in daemon.events_since(arguments.since)["events"]:
            print(json.dumps(event), flush=True)
        while arguments.follow:
            print(json.dumps(daemon.connection.next_event()), flush=True)
    return OK


def do_qmp(arguments: Arguments, out: Output) -> int:
    connection = Connection(arguments.socket)
    machine = arguments.machine if arguments.machine != "-" else None
    if arguments.command:
        given = json.loads(arguments.arguments) if arguments.arguments else {}
        print(json.dumps(connection.execute_call(Call(arguments.command, given, machine))))
        return OK
    for line in sys.stdin:
        if not line.strip():
            continue
        message = json.loads(line)
        if not isinstance(message, dict) or "execute" not in message:
            raise ValueError(f"{line.strip()[:80]} is no request: expected an object with a member \"execute\"")
        try:
            result = connection.execute_call(
                Call(message["execute"], message.get("arguments", {}), machine))
            print(json.dumps({"return": result}), flush=True)
        except errors.PowerplayError as error:
            print(json.dumps({"error": {"class": type(error).__name__, "desc": str(error)}}),
                  flush=True)
    return OK


def do_console(arguments: Arguments, out: Output) -> int:
    from .console import attach
    daemon, machine = open_machine(arguments)
    info = daemon.machine_info(machine.name)
    if info["state"] != "running":
        raise errors.WrongState(f"{machine.name} is {info['state']}: it has no console",
                                f"`powerplay start {machine.name}`")
    for console in info["consoles"]:
        if arguments.device in (None, console["id"]):
            return attach(console["socket"], machine.name)
    raise errors.NotFound(f"{machine.name} has no serial port '{arguments.device}'")


def do_doctor(arguments: Arguments, out: Output) -> int:
    from .doctor import examine
    findings = examine(arguments.socket)
    lines = [f"{'ok  ' if f['ok'] else 'FAIL'}  {f['what']}: {f['found']}" for f in findings]
    hints = [f"      hint: {f['hint']}" if not f["ok"] and f["hint"] else "" for f in findings]
    out.show(findings, "\n".join(line + ("\n" + hint if hint else "")
                                 for line, hint in zip(lines, hints)))
    return OK if all(f["ok"] for f in findings) else FAILED


def do_version(arguments: Arguments, out: Output) -> int:
    from .version import VERSION
    result: Dict[str, Optional[str]] = {"client": VERSION, "daemon": None}
    try:
        result["daemon"] = Connection(arguments.socket).greeting["QMP"]["version"]["package"]
    except errors.PowerplayError:
        pass
    out.show(result, f"powerplay {VERSION}" +
             (f" (daemon: {result['daemon']})" if result["daemon"] else " (no daemon)"))
    return OK


# --- the table ---

Option = Tuple[Tuple[str, ...], Dict[str, Any]]


class Verb(NamedTuple):
    run: Callable[[Arguments, Output], int]
    help: str
    example: str
    options: List[Option] = []
    takes_machine: bool = True


def option(*names: str, **settings: Any) -> Option:
    return names, settings


def flag(name: str, text: str) -> Option:
    return option(name, action="store_true", help=text)


TIMEOUT = option("--timeout", type=float, default=60, metavar="SECONDS", help="give up after this (60)")

FD = option("--fd", action="append", default=[], metavar="NAME=TAP",
            help="for the nic with \"tap\": \"fd:NAME\": an interface that you may open, or the number of an open descriptor")

VERBS: Dict[str, Verb] = {
    "create": Verb(do_create, "define a machine from a JSON file", "powerplay create deb1.json",
                   [option("definition", help="file with the machine definition"),
                    option("--name", help="another name than the file's"),
                    flag("--start", "start it, too")], False),
    "start": Verb(do_start, "start a machine", "powerplay start deb1 --record first",
                  [flag("--paused", "wait for `powerplay resume`"),
                   option("--record", metavar="NAME", help="record from power-on"), FD]),
    "stop": Verb(do_stop, "press the power button, wait until the guest is off",
                 "powerplay stop deb1 --timeout 30",
                 [option("--timeout", type=int, default=60, metavar="SECONDS",
                         help="give up after this (60); the guest runs on")]),
    "kill": Verb(do_kill, "end a machine's process at once", "powerplay kill deb1"),
    "destroy": Verb(do_destroy, "forget a machine and delete its recordings",
                    "powerplay destroy deb1", [flag("--force", "kill it first, if it runs")]),
    "pause": Verb(simple("stop", "is paused"), "pause the guest", "powerplay pause deb1"),
    "resume": Verb(simple("cont", "runs"), "let the guest run", "powerplay resume deb1"),
    "reset": Verb(simple("system_reset", "is reset"), "reset the machine", "powerplay reset deb1"),
    "list": Verb(do_list, "list the machines", "powerplay list", [], False),
    "info": Verb(do_info, "show all about a machine", "powerplay info deb1 --json"),
    "console": Verb(do_console, "use a serial port from this terminal; Ctrl-] leaves",
                    "powerplay console deb1",
                    [option("--device", metavar="ID", help="which port; default the first")]),
    "type": Verb(do_type, "type a text on the serial port, then a line end",
                 "powerplay type deb1 root",
                 [option("text", nargs="+", help=r"the text; \n, \t, \x1b and so on are understood"),
                  flag("--no-newline", "no line end after it"),
                  flag("--literal", "take backslashes as they are"),
                  flag("--keyboard", "type on the machine's keyboard instead")]),
    "key": Verb(do_key, "press keys of the keyboard", "powerplay key deb1 ctrl-alt-f2 ret",
                [option("keys", nargs="+", help="chords like ctrl-c, one after the other"),
                 option("--hold", type=int, metavar="MS", help="hold each for this long (100)")]),
    "screenshot": Verb(do_screenshot, "save the screen as a PNG file", "powerplay screenshot deb1 screen.png",
                       [option("file", help="file to write; - is standard output")]),
    "vnc": Verb(do_vnc, "say where viewers come in, and who is there", "powerplay vnc deb1 --viewer gvncviewer",
                [option("--password-file", metavar="FILE", help="set the password to this file's first line"),
                 option("--control", type=int, metavar="CLIENT", help="give control to this viewer; 0: to nobody"),
                 option("--viewer", metavar="PROGRAM", help="run this viewer with the address"),
                 flag("--web", "serve a page for browsers until Ctrl-C, and print its address"),
                 option("--port", type=int, default=0, metavar="PORT", help="with --web: on this port (any free one)")]),
    "net": Verb(do_net, "show the network adapters; plug a cable in, pull it", "powerplay net deb1 unplug net0",
                [option("action", nargs="?", choices=["list", "plug", "unplug"], default="list"),
                 option("id", nargs="?", help="the adapter's id")]),
    "hostfwd": Verb(do_hostfwd, "show, add and remove ports of the host that lead into the guest",
                    "powerplay hostfwd deb1 add tcp:127.0.0.1:0-:22",
                    [option("action", nargs="?", choices=["list", "add", "remove"], default="list"),
                     option("rule", nargs="?", help="as tcp:127.0.0.1:2222-:22; port 0 is any that is free"),
                     option("--nic", metavar="ID", help="the adapter; default the first with the back end user")]),
    "disk": Verb(do_disk, "show the disks; change a medium; write changes into an image", "powerplay disk deb1 change cd0 disc2.img",
                 [option("action", nargs="?", choices=["list", "change", "eject", "commit"], default="list"),
                  option("id", nargs="?", help="the disk's id"),
                  option("file", nargs="?", help="change: one of the media that the definition names")]),
    "wait": Verb(do_wait, "wait until something happens", "powerplay wait deb1 --serial login:",
                 [option("--serial", metavar="REGEX", help="the guest writes this on its console"),
                  option("--event", metavar="NAME", help="an event comes"),
                  option("--status", metavar="STATE", help="the guest's state; default: stopped, which is powered "
                         "off or without a process"),
                  TIMEOUT]),
    "record": Verb(do_record, "start a machine and record it; or close its recording",
                   "powerplay record deb1 first",
                   [option("recording", nargs="?", help="name of the recording"),
                    flag("--stop", "close the recording"),
                    flag("--paused", "wait for `powerplay resume`"), FD]),
    "replay": Verb(do_replay, "replay a recording and check it; exit code 7 if it does not hold",
                   "powerplay replay deb1 first",
                   [option("recording", help="name of the recording"),
                    flag("--no-wait", "only start the replay"),
                    flag("--paused", "with --no-wait: wait for `powerplay resume`"),
                    flag("--keep", "leave the machine at the end of the replay, to be looked at"),
                    option("--timeout", type=float, default=3600, metavar="SECONDS",
                           help="give up after this (3600)")]),
    "snapshot": Verb(do_snapshot, "save, load, delete and list snapshots of a machine",
                     "powerplay snapshot deb1 save first",
                     [option("action", choices=["save", "load", "delete", "list"],
                             help="list: * is the one that the machine's state builds upon"),
                      option("name", nargs="?", help="name of the snapshot")]),
    "seek": Verb(do_seek, "go to another place of a replay, and pause there",
                 "powerplay seek deb1 1000000000",
                 [option("icount", type=int, nargs="?", help="where so many instructions have been executed"),
                  option("--time", type=int, metavar="NS", help="at this virtual time"),
                  option("--event", type=int, metavar="N", help="before this event of the log"),
                  option("--mark", metavar="NAME", help="at this mark"),
                  option("--clock", type=int, metavar="NS", help="where the guest saw this time; ns since 1970"),
                  option("--back", type=int, metavar="N", help="back by so many instructions")]),
    "reverse": Verb(do_reverse, "go back to where something that is watched was met last",
                    "powerplay reverse deb1 --address 0xc000000001234560",
                    [option("--pc", type=number, metavar="ADDRESS", help="an instruction"),
                     option("--address", type=number, metavar="ADDRESS", help="data"),
                     option("--length", type=number, metavar="BYTES", help="of data (8)"),
                     option("--kind", choices=["read", "write", "access"], help="which accesses (write)"),
                     flag("--physical", "the data's address is a real one")]),
    "last-write": Verb(do_last_write, "who wrote to memory last; the replay stays where it is",
                       "powerplay last-write deb1 0xc000000001234560",
                       [option("address", type=number, help="of the memory"),
                        option("--length", type=number, metavar="BYTES", help="how much of it (8)"),
                        flag("--physical", "the address is a real one"),
                        option("--before", type=number, metavar="N", help="only what was before so many instructions"),
                        option("--count", type=int, metavar="N", help="so many writes (1)")]),
    "executions": Verb(do_executions, "when an instruction was executed; the replay stays where it is",
                       "powerplay executions deb1 0xc000000000012340",
                       [option("pc", type=number, help="its address"),
                        option("--from", type=number, metavar="N", help="from so many instructions on"),
                        option("--to", type=number, metavar="N", help="up to so many instructions"),
                        option("--count", type=int, metavar="N", help="list so many (100)")]),
    "log": Verb(do_log, "list the events of the recording that is replayed", "powerplay log deb1 --inputs",
                [option("--from", type=int, metavar="N", help="from this event on"),
                 option("--count", type=int, metavar="N", help="so many (1000)"),
                 flag("--inputs", "only what came from outside, and marks")]),
    "export": Verb(do_export, "write the inputs of the recording that is replayed to a file, to be edited",
                   "powerplay export deb1 inputs.jsonl", [option("file", help="lines of JSON")]),
    "import": Verb(do_import, "go on from the first input that was edited, as another recording",
                   "powerplay import deb1 inputs.jsonl --recording edited",
                   [option("file", help="what `powerplay export` wrote, edited"),
                    option("--recording", metavar="NAME", help="name of the new recording")]),
    "compare": Verb(do_compare, "where two recordings of a machine first differ", "powerplay compare deb1 first first-1",
                    [option("recording", help="the first one"), option("other", help="the second one")]),
    "timeline": Verb(do_timeline, "show where a replay is, and its keyframes", "powerplay timeline deb1"),
    "gdb": Verb(do_gdb, "debug the guest with gdb; it pauses meanwhile", "powerplay gdb deb1 --execute 'break panic'",
                [option("--symbols", metavar="FILE", help="the guest's program, for gdb (the machine's kernel)"),
                 option("--listen", metavar="WHERE", help="unix (default) or tcp:PORT; port 0 is any free one"),
                 option("--program", metavar="GDB", default="gdb-multiarch", help="the debugger (gdb-multiarch)"),
                 option("--execute", metavar="COMMAND", action="append", default=[],
                        help="a command for gdb to begin with; may be given several times"),
                 flag("--batch", "end gdb after these commands"),
                 flag("--only-listen", "do not start it, say how to")]),
    "takeover": Verb(do_takeover, "leave a replay where it is: live, recorded as a child",
                     "powerplay takeover deb1 second",
                     [option("recording", nargs="?", help="name of the new recording")]),
    "events": Verb(do_events, "show events as JSON lines", "powerplay events --follow",
                   [flag("--follow", "go on with new ones"),
                    option("--since", type=int, default=0, metavar="SEQ",
                           help="only events after this one")], False),
    "qmp": Verb(do_qmp, "execute commands of the protocol",
                "powerplay qmp deb1 query-registers '{\"cpu-index\": 0}'",
                [option("command", nargs="?", help="else requests are read, one a line"),
                 option("arguments", nargs="?", help="a JSON object")]),
    "doctor": Verb(do_doctor, "look for what keeps Powerplay from working", "powerplay doctor", [],
                   False),
    "version": Verb(do_version, "show the versions of client and daemon", "powerplay version", [],
                    False),
}


def make_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS,
                        help="print JSON")
    common.add_argument("--socket", metavar="PATH", default=argparse.SUPPRESS,
                        help="the daemon's socket")
    parser = argparse.ArgumentParser(
        prog="powerplay", parents=[common], description="PowerPC machines, recorded and replayed.",
        epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 wrong state or busy, 5 daemon "
               "unreachable, 6 timed out, 7 replay diverged, 8 refused, 130 interrupted.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        sub = verbs.add_parser(name, parents=[common], help=verb.help, description=verb.help,
                               epilog=f"Example: {verb.example}")
        if verb.takes_machine:
            text = "a machine's name" + ("; - for the daemon" if name == "qmp" else "")
            sub.add_argument("machine", help=text)
        for names, settings in verb.options:
            sub.add_argument(*names, **settings)
    return parser


def exit_code(error: Exception) -> int:
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def main(argv: Optional[List[str]] = None) -> int:
    arguments = make_parser().parse_args(argv)
    arguments.json = getattr(arguments, "json", False)
    arguments.socket = getattr(arguments, "socket", None) or str(default_socket())
    try:
        return VERBS[arguments.verb].run(arguments, Output(arguments.json))
    except errors.PowerplayError as error:
        hint = error.hint or HINTS.get(type(error))
        print(f"powerplay: {arguments.verb}: {error}", file=sys.stderr)
        if hint:
            print(f"hint: {hint}", file=sys.stderr)
        return exit_code(error)
    except (ValueError, KeyError) as error:
        print(f"powerplay: {arguments.verb}: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        print(f"powerplay: {arguments.verb}: {what}{error.strerror or error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
