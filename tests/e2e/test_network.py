# SPDX-License-Identifier: GPL-2.0-or-later
"""The network, with Debian's virtio-net driver in the guest: user-mode network, forwarded ports, recordings.

The daemon lives in a network namespace of its own, in which there is nothing but its loopback and a name server of ours: the
tests need no network, and could not reach one.
"""

import hashlib
import http.server
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import PACED, finish, replay
from dev.lab import Refused
from guest import guests

ADDRESS = bytes((192, 0, 2, 7))
USER = {"id": "net0", "backend": "user"}


def serve_names() -> None:
    """Every name has the address 192.0.2.7."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        kind = struct.unpack(">H", query[end - 4:end - 2])[0]
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + ADDRESS if kind == 1 else b""
        server.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, bool(answer), 0, 0) + query[12:end] + answer, client)


@pytest.fixture(scope="module", autouse=True)
def names():
    assert os.environ.get("POWERPLAY_NETWORK_TEST"), "these tests are run by tests/e2e/run_network.py"
    threading.Thread(target=serve_names, daemon=True).start()


@pytest.fixture
def web():
    """web(data): a server of the host's loopback that has it as /file; the port."""
    servers = []

    def serve(data: bytes) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_port

    yield serve
    for server in servers:
        server.shutdown()


def test_dhcp_names_and_a_file_from_the_host_recorded_and_replayed_without_a_network(make, shell, web):
    data = random.Random(5).randbytes(64 << 20)
    port = web(data)
    machine = make(shell, "mods=net", "run=dhcp,dns,fetch", f"port={port}", clock=PACED,
                   nics=[USER | {"host-loopback": True, "hostfwd": ["tcp::0-:22"]}])
    machine.start(record="r1")
    [forward] = machine.call("query-hostfwd")
    assert machine.wait_until_stopped(300) == "shutdown", machine.text()[-600:]
    text = machine.text()
    assert "RESULT dhcp ip=10.0.2.15 mask=24 router=10.0.2.2 dns=10.0.2.3" in text, text[-800:]
    assert "RESULT dns answer=192.0.2.7," in text, text[-800:]
    assert f"RESULT fetch check={hashlib.md5(data).hexdigest()}" in text, text[-800:]
    assert forward["host-port"] > 0 and forward["host"] == "127.0.0.1" and "error" not in forward
    [nic] = machine.call("query-netdev")
    assert nic["received"] * 1460 > len(data) and nic["sent"] > 10 and nic["link"]
    recorded = finish(machine)
    machine.start(replay="r1")
    assert not machine.call("query-netdev")[0]["connected"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", forward["host-port"]), 5)
    machine.end()
    assert replay(machine) == recorded


def test_the_hosts_loopback_is_closed_unless_it_is_allowed(make, shell, web):
    port = web(b"secret")
    machine = make(shell, "mods=net", "run=dhcp,fetch", f"port={port}", clock=PACED, nics=[USER])
    machine.start()
    assert machine.wait_until_stopped(300) == "shutdown"
    assert "RESULT dhcp ip=10.0.2.15" in machine.text()
    assert f"RESULT fetch check={hashlib.md5(b'').hexdigest()}" in machine.text()


def echo_machine(make, shell, **nic):
    """A guest at its shell, with a line server on port 7."""
    machine = make(shell, "mods=net", "run=dhcp", "end=none", clock=PACED, nics=[USER | nic])
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 200)
    machine.type("while :; do nc -l -p 7 -e cat; done &\n")
    machine.type("echo SERVES\n")
    machine.wait_for(r"\nSERVES", 60)
    return machine


def echo(port: int, text: bytes, timeout: float = 60) -> bytes:
    """What the guest's server says; tried again while it is not there."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 20) as stream:
                stream.sendall(text)
                stream.shutdown(socket.SHUT_WR)
                got = b""
                while piece := stream.recv(65536):
                    got += piece
                if got:
                    return got
        except OSError:
            pass
        assert time.monotonic() < deadline, "nobody answers"
        time.sleep(0.3)


def test_forwarded_ports_lead_in_and_a_killed_helper_comes_again(lab, make, shell):
    machine = echo_machine(make, shell, restrict=True)
    added = machine.call("hostfwd-add", rule="tcp::0-:7")
    data = random.Random(7).randbytes(200000)
    assert echo(added["host-port"], data) == data
    with pytest.raises(Refused, match="refuses port"):
        machine.call("hostfwd-add", rule=f"tcp::{added['host-port']}-:7")
    with pytest.raises(Refused, match="expects a port as"):
        machine.call("hostfwd-add", rule="tcp:7")
    machine.type("cat /sys/class/net/eth0/carrier\n")
    machine.wait_for(r"carrier\r?\n1", 30)
    os.kill(helper_of(lab.pid), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not machine.call("query-netdev")[0]["connected"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert machine.call("query-hostfwd")[0]["host-port"] == added["host-port"]
    assert echo(added["host-port"], b"again") == b"again"
    machine.call("set_link", name="net0", up=False)
    machine.type("sleep 1; cat /sys/class/net/eth0/carrier\n")
    machine.wait_for(r"carrier\r?\n0", 30)
    machine.call("set_link", name="net0", up=True)
    machine.call("hostfwd-remove", rule=f"tcp::{added['host-port']}-:7")
    assert machine.call("query-hostfwd") == []
    machine.type("poweroff -f\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    recorded = finish(machine)
    assert replay(machine) == recorded


def test_debians_dropbear_is_reached_by_ssh_and_the_replay_is_the_same_run(make):
    machine = make(guests.ssh(), "run=dhcp,ssh", "end=none", clock=PACED, nics=[USER | {"hostfwd": ["tcp::0-:22"]}])
    machine.start(record="r1")
    port = machine.call("query-hostfwd")[0]["host-port"]
    machine.wait_for("RESULT ssh serves=1", 200)
    client = ["ssh", "-F", "none", "-p", str(port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
              "LogLevel=ERROR", "-o", "HostKeyAlgorithms=ssh-ed25519", "-o", "BatchMode=yes", "root@127.0.0.1"]

    def inside(command: str, data: bytes = b"") -> str:
        done = subprocess.run([*client, command], input=data, check=False, capture_output=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    data = random.Random(9).randbytes(4 << 20)
    assert inside("uname -m") == "ppc64le\n"
    assert inside("cat /etc/passwd").startswith("root::0:0")
    inside("cat > /tmp/copy", data)
    assert inside("md5sum < /tmp/copy").split()[0] == hashlib.md5(data).hexdigest()
    machine.wait_for("SHELL-READY", 60)
    machine.type("poweroff -f\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    recorded = finish(machine)
    assert replay(machine) == recorded


def helper_of(daemon: int) -> int:
    """The network helper that the daemon has started."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                name = file.read().strip()
            with open(f"/proc/{entry}/stat", encoding="ascii") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if name == "powerplay-net" and parent == daemon:
            return int(entry)
    raise AssertionError("there is no helper")
