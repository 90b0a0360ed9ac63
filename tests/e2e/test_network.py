# SPDX-License-Identifier: GPL-2.0-or-later
"""The network, with Debian's virtio-net driver in the guest: user-mode network, forwarded ports, recordings.

The daemon lives in a network namespace of its own, in which there is nothing but its loopback and a name server of ours: the
tests need no network, and could not reach one.
"""

import array
import contextlib
import fcntl
import filecmp
import hashlib
import http.server
import itertools
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import PACED, finish, parts, replay
from dev.build import program
from dev.lab import Lab, Refused
from guest import guests

ADDRESS = bytes((192, 0, 2, 7))
MARKS = itertools.count(1)
USER = {"id": "net0", "backend": "user"}
ETH_P_ALL, SIOCETHTOOL, ETHTOOL_STXCSUM = 3, 0x8946, 0x17


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


def frames_of(path) -> list[tuple[int, bytes]]:
    """A dump's frames and their times in ns."""
    data = path.read_bytes()
    assert struct.unpack("<IHHIIII", data[:24]) == (0xa1b23c4d, 2, 4, 0, 0, 65535, 1)
    frames, at = [], 24
    while at < len(data):
        seconds, ns, kept, length = struct.unpack_from("<IIII", data, at)
        assert ns < 10**9 and kept == length and at + 16 + kept <= len(data)
        frames.append((seconds * 10**9 + ns, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return frames


def test_dhcp_names_and_a_file_from_the_host_recorded_and_replayed_without_a_network(make, shell, web, tmp_path):
    data = random.Random(5).randbytes(64 << 20)
    port = web(data)
    dump = tmp_path / "net0.pcap"
    machine = make(shell, "mods=net", "run=dhcp,dns,fetch", f"port={port}", clock=PACED,
                   nics=[USER | {"host-loopback": True, "hostfwd": ["tcp::0-:22"], "pcap": str(dump)}])
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
    frames = frames_of(dump)
    assert len(frames) == nic["sent"] + nic["received"]
    assert [time for time, _ in frames] == sorted(time for time, _ in frames)
    received = [frame for _, frame in frames if frame[:6] == bytes.fromhex("525400123456")]
    assert len(received) >= nic["received"] - 10 and sum(map(len, received)) > len(data)
    frames[0][1].index(b"\x63\x82\x53\x63")      # DHCP's cookie: the guest's first word
    with open(dump, "rb") as file:     # as nobody: root in this namespace is not root enough to become tcpdump's user
        told = subprocess.run(["unshare", "-U", "tcpdump", "-nn", "-r", "-"], check=True, stdin=file, capture_output=True, text=True).stdout
    assert len(told.splitlines()) == len(frames) and "0.0.0.0.68 > 255.255.255.255.67: BOOTP/DHCP, Request" in told.splitlines()[0]
    dump.rename(dump.with_suffix(".recorded"))
    machine.start(replay="r1")
    assert not machine.call("query-netdev")[0]["connected"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", forward["host-port"]), 5)
    machine.end()
    assert replay(machine) == recorded
    assert filecmp.cmp(dump, dump.with_suffix(".recorded"), shallow=False)


def test_a_dump_overwrites_nothing_but_a_dump(make, shell, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"no dump" * 100)
    machine = make(shell, nics=[{"id": "net0", "pcap": str(image)}])
    with pytest.raises(Refused, match="holds something else than a dump"):
        machine.start()
    assert image.read_bytes() == b"no dump" * 100
    with pytest.raises(Refused, match="needs an absolute path"):
        make(shell, nics=[{"id": "net0", "pcap": "here.pcap"}])


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


def echo(port: int, text: bytes, timeout: float = 200, host: str = "127.0.0.1") -> bytes:
    """What the guest's server says; tried again while it is not there."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection((host, port), 60) as stream:
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
    machine.wait_for(r"carrier\r?\n1", 120)
    os.kill(helper_of(lab.pid), signal.SIGKILL)
    deadline = time.monotonic() + 120
    while not machine.call("query-netdev")[0]["connected"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert machine.call("query-hostfwd")[0]["host-port"] == added["host-port"]
    assert echo(added["host-port"], b"again") == b"again"
    machine.call("set_link", name="net0", up=False)
    carrier(machine, 0)
    machine.call("set_link", name="net0", up=True)
    machine.call("hostfwd-remove", rule=f"tcp::{added['host-port']}-:7")
    assert machine.call("query-hostfwd") == []
    machine.type("poweroff -f\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    recorded = finish(machine)
    assert replay(machine) == recorded


def talking(port: int) -> socket.socket:
    """A connection to the guest's line server, which answers."""
    for _ in range(100):
        stream = socket.create_connection(("127.0.0.1", port), 30)
        with contextlib.suppress(OSError):
            stream.sendall(b"hello")
            if stream.recv(5, socket.MSG_WAITALL) == b"hello":
                return stream
        stream.close()
        time.sleep(0.3)
    raise AssertionError("nobody answers")


def test_a_stopped_guest_stops_the_network_and_its_log(lab, make, shell):
    """slirp's timers go by the guest's time: a connection that knocks meanwhile is served when it goes on."""
    machine = echo_machine(make, shell)
    port = machine.call("hostfwd-add", rule="tcp::0-:7")["host-port"]
    assert echo(port, b"before") == b"before"

    def seen() -> tuple:
        """Frames either way, bytes of the log, virtual time."""
        nic = machine.call("query-netdev")[0]
        log = sum(path.stat().st_size for path in lab.recording(machine.name, "r1").iterdir() if path.is_file())
        return nic["received"], nic["sent"], nic["lost"], log, machine.replay_info()["virtual-ns"]

    with talking(port) as stream:
        machine.call("stop")
        before, now = None, seen()
        while before != now:        # what is pending in the log is written
            time.sleep(2)
            before, now = now, seen()
        stream.sendall(b"open")
        with socket.create_connection(("127.0.0.1", port), 60) as other:    # one that knocks
            other.sendall(b"knock")
            time.sleep(7)       # a retransmission's time, and libslirp's slow timers many times over
            assert seen() == before
            machine.call("cont")
            stream.shutdown(socket.SHUT_WR)
            assert stream.makefile("rb").read() == b"open"
    machine.type("poweroff -f\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    frames = machine.call("query-netdev")[0]["received"]
    recorded = finish(machine)
    machine.start(replay="r1", paused=True)
    events = machine.call("query-events", inputs=True, count=10000)["events"]
    assert sum(event["event"] == "net" for event in events) == frames
    machine.call("cont")
    os.kill(helper_of(lab.pid), signal.SIGKILL)      # a replay has no use for it
    machine.wait_until_stopped(300)
    assert machine.replay_info()["status"] == "ended"
    assert parts(machine) == recorded["parts"]


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


# --- wires ---------------------------------------------------------------------------------------------------------


def wired(make, shell, number: int, **members):
    """A guest at its shell, recorded, with the address 10.1.0.NUMBER on a wire."""
    machine = make(shell, "mods=net", "end=none", clock=PACED,
                   nics=[{"id": "net0", "mac": f"52:54:00:00:00:0{number}"} | members])
    machine.start(record="r1")
    return machine


def at_shell(machine, number: int) -> None:
    machine.wait_for("SHELL-READY", 200)
    machine.type(f"ip link set eth0 up; ip addr add 10.1.0.{number}/24 dev eth0; echo ADDR''ESS\n")
    machine.wait_for(r"\nADDRESS", 60)


def carrier(machine, wanted: int) -> None:
    """Waits until the guest sees its cable in (1) or out (0)."""
    result(machine, f"until [ $(cat /sys/class/net/eth0/carrier) = {wanted} ]; do sleep 0.1; done", 60)


def off(machine) -> dict:
    machine.type("poweroff -f\n")
    assert machine.wait_until_stopped(60) == "shutdown"
    return finish(machine)


def result(machine, command: str, timeout: float = 200) -> str:
    """What the guest's shell prints."""
    mark = f"{next(MARKS)}"
    machine.type(f"echo BEG''IN-{mark}; {command}; echo EN''D-{mark}\n")
    machine.wait_for(rf"\nEND-{mark}", timeout)
    return re.search(rf"\nBEGIN-{mark}\s+(.*?)\r?\nEND-{mark}", machine.text(), re.S)[1]


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_two_guests_on_one_wire_reach_each_other_and_each_replays_alone(make, shell, tmp_path, kind):
    address = f"unix:{tmp_path}/wire" if kind == "unix" else "tcp:127.0.0.1:4321"
    one = wired(make, shell, 1, backend="socket", listen=address)
    two = wired(make, shell, 2, backend="socket", connect=address)
    at_shell(one, 1)
    at_shell(two, 2)
    assert one.call("query-netdev")[0]["connected"] and two.call("query-netdev")[0]["connected"]
    assert "3 packets received" in result(two, "ping -c 3 10.1.0.1")
    for machine in (one, two):
        result(machine, "head -c 4194304 /dev/urandom > /tmp/mine")
    one.type("nc -l -p 7 < /tmp/mine > /tmp/other &\n")
    result(two, "until nc 10.1.0.1 7 < /tmp/mine > /tmp/other; do sleep 0.2; done")     # it may not listen yet
    sums = [result(machine, "sync; md5sum < /tmp/mine; md5sum < /tmp/other; wc -c < /tmp/other").split() for machine in (one, two)]
    assert sums[0][0] == sums[1][2] and sums[0][2] == sums[1][0] and sums[0][4] == sums[1][4] == "4194304", sums
    assert one.call("query-netdev")[0]["received"] * 1500 > 4 << 20
    recorded_two = off(two)
    carrier(one, 0)
    two.start()
    carrier(one, 1)
    recorded_one = off(one)
    two.end()
    assert replay(two) == recorded_two
    assert replay(one) == recorded_one


def test_a_wires_other_end_that_comes_and_goes_is_a_link_that_comes_and_goes(lab, make, shell, tmp_path, say):
    """The other end is a peer of ours, which speaks as QEMU's stream netdev; the machine connects to it."""
    path = tmp_path / "wire"
    machine = wired(make, shell, 1, backend="socket", connect=f"unix:{path}")
    at_shell(machine, 1)
    assert not machine.call("query-netdev")[0]["connected"]
    carrier(machine, 0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        for turn in range(3):
            peer, _ = listener.accept()
            carrier(machine, 1)
            machine.type("ping -c 1 -w 2 10.1.0.9 > /dev/null\n")
            peer.settimeout(120)
            stream = peer.makefile("rb")
            while (frame := stream.read(int.from_bytes(stream.read(4), "big")))[12:14] != b"\x08\x06":
                pass
            assert frame[6:12] == bytes.fromhex("525400000001") and frame[28:32] == bytes((10, 1, 0, 1)), frame.hex()
            if turn == 0:
                peer.sendall(b"\xff" * 100)        # a length that is none: the line is given up
            if turn == 1:
                os.kill(helper_of(lab.pid), signal.SIGKILL)
            stream.close()
            peer.close()
            if turn < 2:
                start = time.monotonic()
                listener.settimeout(120)
                peer, _ = listener.accept()
                say(f"the other end of a wire is called again after {(time.monotonic() - start) * 1000:.0f} ms")
                peer.close()
    carrier(machine, 0)
    recorded = off(machine)
    assert replay(machine) == recorded


def serve_echo(packets: socket.socket) -> None:
    """A host of the address 10.1.0.9 that answers ARP and ping."""
    own, ether = bytes((10, 1, 0, 9)), bytes.fromhex("525400000009")
    while frame := packets.recv(2048):
        if frame[12:14] == b"\x08\x06" and frame[38:42] == own:
            packets.send(frame[6:12] + ether + frame[12:20] + b"\0\2" + ether + own + frame[22:32] + bytes(18))
        elif frame[12:14] == b"\x08\0" and frame[30:34] == own and frame[23] == 1:
            icmp = b"\0\0\0\0" + frame[38:]
            total = sum(struct.unpack(f">{len(icmp) // 2}H", icmp))
            while total >> 16:
                total = (total & 0xffff) + (total >> 16)
            ip = frame[14:26] + own + frame[26:30]      # its sum stays: the addresses change places
            packets.send(frame[6:12] + ether + frame[12:14] + ip + icmp[:2] + struct.pack(">H", ~total & 0xffff) + icmp[4:])


@contextlib.contextmanager
def machine_in(lab: Lab, shell, passed: int = -1, **members):
    """A recorded machine in a daemon of its own, which is passed a descriptor."""
    with lab:
        if passed >= 0:
            lab.wire.pass_fd("uplink", passed)
            os.close(passed)
        machine = lab.machine(shell.definition("m", "mods=net", "end=none", clock=PACED,
                                               nics=[{"id": "net0", "mac": "52:54:00:00:00:01", "backend": "tap"} | members]))
        machine.start(record="r1")
        at_shell(machine, 1)
        yield machine
        machine.end()


def test_a_tap_by_descriptor_carries_frames_and_the_replay_needs_none(shell):
    """The daemon is started with it; a socket of packets is one as well as a tap."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    threading.Thread(target=serve_echo, args=(ours,), daemon=True).start()
    with theirs, machine_in(Lab(fds=(theirs.fileno(),)), shell, tap=f"fd:{theirs.fileno()}") as machine:
        assert "3 packets received" in result(machine, "ping -c 3 10.1.0.9")
        ours.shutdown(socket.SHUT_RDWR)
        carrier(machine, 0)
        recorded = off(machine)
        theirs.close()
        assert replay(machine) == recorded


def test_a_descriptor_that_a_client_passes_carries_frames_and_the_replay_needs_none(shell):
    """getfd before machine-start. Once the machine has it, the client's own may go."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    threading.Thread(target=serve_echo, args=(ours,), daemon=True).start()
    with machine_in(Lab(), shell, theirs.detach(), tap="fd:uplink") as machine:
        machine.wire.call("closefd", fdname="uplink")
        assert "3 packets received" in result(machine, "ping -c 3 10.1.0.9")
        ours.shutdown(socket.SHUT_RDWR)
        carrier(machine, 0)
        recorded = off(machine)
        assert replay(machine) == recorded
        with pytest.raises(Refused, match="this connection has passed no descriptor of that name"):
            machine.start()


def open_interface(name: str) -> int:
    """A packet socket: what goes through it goes over that interface."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((name, 0))
    return raw.detach()


def without_offload(name: str) -> None:
    """Its frames have their checksums: a packet socket shows them as they are."""
    value = array.array("I", [ETHTOOL_STXCSUM, 0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), value.buffer_info()[0]))


def test_an_interface_of_the_host_that_a_client_passes_reaches_the_guest(shell):
    """One end of a veth pair; at the other one is the host's own stack. It takes no rights beyond a namespace of one's own."""
    subprocess.run("ip link add up0 type veth peer name up1 && ip addr add 10.1.0.5/24 dev up1 && ip link set up0 up && ip link set up1 up",
                   shell=True, check=True)
    without_offload("up1")
    with machine_in(Lab(), shell, open_interface("up0"), tap="fd:uplink") as machine:
        assert "3 packets received" in result(machine, "ping -c 3 10.1.0.5")
        machine.type("while :; do nc -l -p 7 -e cat; done &\n")
        assert echo(7, b"from the host", host="10.1.0.1") == b"from the host"
        subprocess.run(["ip", "link", "del", "up0"], check=True)
        recorded = off(machine)
        assert replay(machine) == recorded


@pytest.mark.parametrize("is_passed", [False, True], ids=["by-name", "passed"])
def test_a_tap_of_the_host_reaches_the_guest(shell, is_passed):
    made = subprocess.run("ip tuntap add dev tap5 mode tap && ip addr add 10.1.0.5/24 dev tap5 && ip link set tap5 up", shell=True,
                          check=False, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"/dev/net/tun is not this user's to open ({made.stderr.strip()}); the tests by descriptor stand for it")
    if is_passed:
        with machine_in(Lab(), shell, open_tap("tap5"), tap="fd:uplink") as machine:
            assert "3 packets received" in result(machine, "ping -c 3 10.1.0.5")
            subprocess.run(["ip", "link", "del", "tap5"], check=True)
            carrier(machine, 0)
            recorded = off(machine)
            assert replay(machine) == recorded
        return
    with machine_in(Lab(), shell, tap="tap5") as machine:
        assert "3 packets received" in result(machine, "ping -c 3 10.1.0.5")
        machine.type("while :; do nc -l -p 7 -e cat; done &\n")
        assert echo(7, b"from the host", host="10.1.0.1") == b"from the host"
        with pytest.raises(OSError):        # it is in use, and by nobody else
            os.close(open_tap("tap5"))
        subprocess.run(["ip", "link", "del", "tap5"], check=True)
        carrier(machine, 0)
        subprocess.run("ip tuntap add dev tap5 mode tap && ip link set tap5 up", shell=True, check=True)
        carrier(machine, 1)
        recorded = off(machine)
        subprocess.run(["ip", "link", "del", "tap5"], check=True)
        assert replay(machine) == recorded


# --- floods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["guest", "peer"])
def test_the_helper_survives_garbage_as_fast_as_it_takes_it(record_property, say, kind):
    """Until an answer behind all frames has come. How many a second that were depends on what else the host does: it is printed."""
    done = subprocess.run([program("tests/daemon/net-flood"), program("powerplay-net"), kind, "5"], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done
    found = dict(word.split("=") for word in done.stdout.split()[2:])
    record_property("frames_per_second", found["per_second"])
    say(f"{kind}: {int(found['frames']):,} frames of garbage, {int(found['per_second']):,} a second by the clock, "
        f"{int(found['per_cpu_second']):,} a second of the helper's processor time; an answer behind them in {int(found['answer_us']):,} us")
    assert found["alive"] == "1" and int(found["answer_us"]) >= 0 and int(found["frames"]) > 100000, done.stdout


def test_a_guest_that_floods_gets_what_its_line_takes_and_the_helper_stays(lab, make, shell, say):
    """The kernel's packet generator, as fast as it can, at ports of the gateway that nobody serves."""
    count = 200000
    machine = make(shell, "mods=pktgen", "run=dhcp", "end=none", clock=PACED, nics=[USER])
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 200)
    helper, before = helper_of(lab.pid), machine.call("query-netdev")[0]
    result(machine, "cd /proc/net/pktgen; echo add_device eth0 > kpktgend_0; "
           f"for word in 'count {count}' 'pkt_size 60' 'dst 10.0.2.2' 'dst_mac 52:55:0a:00:02:02'; do echo $word > eth0; done")
    began = time.monotonic()
    result(machine, "echo start > pgctrl", 200)
    seconds = time.monotonic() - began
    after = machine.call("query-netdev")[0]
    sent, lost = after["sent"] - before["sent"], after["lost"] - before["lost"]
    told = result(machine, "grep -E 'pps' eth0")
    say(f"a guest that floods: {sent + lost:,} frames in {seconds:.1f} s, {lost:,} of them lost; in the guest's time: {told.strip()}")
    assert sent + lost >= count and sent > count // 10
    assert 10000 < int(re.search(r"(\d+)pps", told)[1]) <= 1000000
    assert "192.0.2.7" in result(machine, "nslookup -type=a powerplay.test 10.0.2.3")
    assert helper_of(lab.pid) == helper
    recorded = off(machine)
    assert replay(machine) == recorded


def test_a_peer_that_floods_the_wire_takes_no_machine_down(make, shell, tmp_path, say):
    """The guest gets what it takes; control is answered, and the wire works when it is over."""
    path = tmp_path / "wire"
    machine = wired(make, shell, 1, backend="socket", listen=f"unix:{path}")
    at_shell(machine, 1)
    garbage = random.Random(11)
    junk = b"".join(length.to_bytes(4, "big") + garbage.randbytes(length) for length in garbage.choices(range(0, 1600), k=1000))
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        carrier(machine, 1)
        peer.setblocking(False)
        sent, asked, slowest, end = 0, 0, 0.0, time.monotonic() + 5
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                sent += peer.send(junk[sent % len(junk):])
            if garbage.random() < 0.01:
                begun = time.monotonic()
                machine.call("query-status")
                asked, slowest = asked + 1, max(slowest, time.monotonic() - begun)
        took = machine.call("query-netdev")[0]["received"]
        say(f"a peer that floods: the guest took {took:,} frames in 5 s, {sent >> 20} MiB; the slowest of {asked} answers took {slowest * 1000:.0f} ms")
        assert took > 1000 and asked > 10
        peer.setblocking(True)
        peer.sendall(junk[sent % len(junk):])
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        threading.Thread(target=serve_echo, args=(ours,), daemon=True).start()
        threading.Thread(target=join, args=(peer, theirs), daemon=True).start()
        assert "3 packets received" in result(machine, "ping -c 3 10.1.0.9")
        recorded = off(machine)
        peer.shutdown(socket.SHUT_RDWR)
    assert replay(machine) == recorded


def test_a_nic_that_the_guest_leaves_alone_costs_its_other_one_nothing(make, shell, tmp_path):
    """Debian's driver keeps its empty buffers when its interface goes down: frames for it find none, and wait."""
    path = tmp_path / "wire"
    machine = make(shell, "mods=net", "end=none", clock=PACED,
                   nics=[{"id": "net0", "backend": "socket", "listen": f"unix:{path}"}, USER | {"id": "net1"}])
    machine.start(record="r1")
    machine.wait_for("SHELL-READY", 200)
    result(machine, "ip link set eth0 up; ip link set eth1 up; ip addr add 10.0.2.15/24 dev eth1; ip link set eth0 down")
    packet = (60).to_bytes(4, "big") + b"\xff" * 6 + bytes.fromhex("525400000009") + b"\x08\x06" + bytes(46)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.setblocking(False)
        sent, last = 0, time.monotonic()
        while time.monotonic() - last < 2:      # until its peer has been slowed to a halt
            try:
                peer.sendall(packet)
                sent, last = sent + 1, time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        assert sent > 256 + 64
        assert "3 packets received" in result(machine, "ping -c 3 10.0.2.2")
        assert machine.call("hostfwd-add", id="net1", rule="tcp::0-:7")["host-port"] > 0
        taken = machine.call("query-netdev")[0]["received"]
        assert sent - taken > 64 and machine.call("query-netdev")[0]["lost"] == 0
        result(machine, "ip link set eth0 up")
        deadline = time.monotonic() + 120
        while machine.call("query-netdev")[0]["received"] <= taken and time.monotonic() < deadline:
            time.sleep(0.1)
        assert machine.call("query-netdev")[0]["received"] > taken
        recorded = off(machine)
    assert replay(machine) == recorded


def join(stream: socket.socket, packets: socket.socket) -> None:
    """Frames of a stream become packets, and the other way round."""
    def back() -> None:
        while frame := packets.recv(2048):
            stream.sendall(len(frame).to_bytes(4, "big") + frame)

    threading.Thread(target=back, daemon=True).start()
    with contextlib.suppress(OSError), stream.makefile("rb") as file:
        while len(head := file.read(4)) == 4:
            packets.send(file.read(int.from_bytes(head, "big")))


def open_tap(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))
    except OSError:
        os.close(fd)
        raise
    return fd


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
