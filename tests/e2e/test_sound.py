# SPDX-License-Identifier: GPL-2.0-or-later
"""Sound: Debian's snd-ens1370 and alsa-utils in the guest play into a WAV file and capture from one."""

import hashlib
import math
import pathlib
import re
import socket
import struct
import threading

import pytest

from conftest import PACED, finish, parts, record, replay
from dev.lab import Refused
from guest import guests

FREQUENCY, AMPLITUDE, SECONDS = guests.SINE
RATE = 44100
PLAYED = round(RATE * SECONDS)     # frames of the guest's sine
CAPTURED = 22050                   # frames that job_capture asks for


@pytest.fixture(scope="session")
def sound():
    return guests.sound()


def card(**members) -> dict:
    return {"audio": {"device": "es1370", **members}}


def folder_of(machine) -> pathlib.Path:
    return pathlib.Path(machine.wire.call("machine-info", name=machine.name)["directory"])


def frames_of(path: pathlib.Path) -> bytes:
    """The samples of a WAV file as Powerplay writes it."""
    data = path.read_bytes()
    head = struct.unpack("<4sI4s4sIHHIIHH4sI", data[:44])
    assert (head[0], head[2], head[3], head[11]) == (b"RIFF", b"WAVE", b"fmt ", b"data")
    assert head[4:11] == (16, 1, 2, RATE, 4 * RATE, 4, 16)
    assert head[1] == len(data) - 8 and head[12] == len(data) - 44
    return data[44:]


def measure(samples: list[int]) -> tuple[float, float]:
    """Frequency and largest sample of a sine, without knowing what it was made from: crossings of zero, and peaks."""
    upwards = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    periods = len(upwards) - 1
    first, last = (n - samples[n] / (samples[n] - samples[n - 1]) for n in (upwards[0], upwards[-1]))
    return RATE * periods / (last - first), max(map(abs, samples))


def test_a_played_sine_arrives_in_the_wav_and_again_in_the_replay(make, sound):
    machine = make(sound, "mods=blk,ext4,sound", "run=play",
                   **card(playback={"backend": "wav", "file": "live.wav", "replay-file": "again.wav"}))
    seen = record(machine)
    assert "RESULT play dac2=0" in machine.text() and "RESULT play dac1=0" in machine.text(), machine.text()[-1500:]
    assert int(re.search(r"RESULT play interrupts=(\d+)", machine.text())[1]) > 10
    live = frames_of(folder_of(machine) / "live.wav")
    assert not (folder_of(machine) / "again.wav").exists()
    written = guests.sine(*guests.SINE)[44:]
    starts = [found.start() for found in re.finditer(re.escape(written), live)]
    assert len(starts) == 2 and starts[0] == 0 and starts[1] % 4 == 0, (starts, len(live), len(written))
    samples = [left for left, _ in struct.iter_unpack("<hh", live[:4 * PLAYED])]
    frequency, peak = measure(samples)
    assert math.isclose(frequency, FREQUENCY, rel_tol=1e-5) and peak == AMPLITUDE
    assert replay(machine) == seen
    assert (folder_of(machine) / "again.wav").read_bytes() == (folder_of(machine) / "live.wav").read_bytes()


def wav_of(path: pathlib.Path, frames: int) -> bytes:
    """Writes a WAV file of noise that a test can make again; its samples."""
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(frames // 8 + 1))[:4 * frames]
    path.write_bytes(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", len(noise) + 36, b"WAVE", b"fmt ", 16, 1, 2, RATE, 4 * RATE, 4, 16,
                                 b"data", len(noise)) + noise)
    return noise


def captured(machine) -> tuple[int, str]:
    found = re.search(r"RESULT capture code=0 bytes=(\d+) check=([0-9a-f]{32})", machine.text())
    assert found, machine.text()[-1500:]
    return int(found[1]), found[2]


def test_a_captured_wav_reaches_the_guest_and_the_replay_needs_no_source(make, sound, tmp_path):
    source = tmp_path / "noise.wav"
    noise = wav_of(source, CAPTURED + 4000)
    machine = make(sound, "mods=blk,ext4,sound", "run=capture", **card(capture={"backend": "wav", "file": str(source)}))
    seen = record(machine)
    assert captured(machine) == (4 * CAPTURED, hashlib.md5(noise[:4 * CAPTURED]).hexdigest())
    source.unlink()
    assert replay(machine) == seen
    assert captured(machine) == (4 * CAPTURED, hashlib.md5(noise[:4 * CAPTURED]).hexdigest())
    machine.start(paused=True)
    with pytest.raises(Refused, match="audio.capture.file .* could not be opened: without it this machine can only replay"):
        machine.call("cont")


def test_behind_the_end_of_a_captured_wav_is_silence(make, sound, tmp_path):
    noise = wav_of(tmp_path / "short.wav", 5000)
    machine = make(sound, "mods=blk,ext4,sound", "run=capture", **card(capture={"backend": "wav", "file": str(tmp_path / "short.wav")}))
    seen = record(machine)
    assert captured(machine)[1] == hashlib.md5(noise + bytes(4 * (CAPTURED - 5000))).hexdigest()
    assert replay(machine) == seen


def connect(machine, name: str) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(120)
    end.connect(str(folder_of(machine) / name))
    return end


def listen(end: socket.socket, heard: bytearray) -> threading.Thread:
    def read() -> None:
        while piece := end.recv(1 << 16):
            heard.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_who_listens_at_the_socket_hears_the_same_live_and_in_the_replay(make, sound):
    machine = make(sound, "mods=blk,ext4,sound", "run=play", clock=PACED, **card(playback={"backend": "socket"}))
    heard: list[bytearray] = [bytearray(), bytearray()]
    for how, name in enumerate(("record", "replay")):
        machine.start(paused=True, **{name: "r1"})
        end = connect(machine, "audio-out.sock")
        listener = listen(end, heard[how])
        machine.call("cont")
        machine.wait_until_stopped(200)
        if name == "record":
            seen = finish(machine)
        machine.end()
        listener.join()
        end.close()
    written = guests.sine(*guests.SINE)[44:]
    assert heard[0].count(written) == 2
    assert replay(machine) == seen      # with nobody there
    # A replay runs as fast as it can: what its listener does not take in time is left out.
    assert heard[1] and heard[1][:4000] == heard[0][:4000]


def test_what_is_played_into_the_socket_is_captured_and_replayed_without_anybody(make, sound):
    machine = make(sound, "mods=blk,ext4,sound", "run=capture", clock=PACED, **card(capture={"backend": "socket"}))
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(CAPTURED // 8 + 1))[:4 * CAPTURED]
    machine.start(record="r1", paused=True)
    with connect(machine, "audio-in.sock") as end:
        end.sendall(noise)
        machine.call("cont")
        assert machine.wait_until_stopped(200) == "shutdown"
    assert captured(machine) == (len(noise), hashlib.md5(noise).hexdigest())
    seen = finish(machine)
    assert replay(machine) == seen


def test_a_wav_of_another_rate_is_refused_in_words(make, sound, tmp_path):
    (tmp_path / "wrong.wav").write_bytes(guests.sine(440, 1000, 0.1, rate=48000))
    machine = make(sound, "run=capture", **card(capture={"backend": "wav", "file": str(tmp_path / "wrong.wav")}))
    with pytest.raises(Refused, match="wrong.wav.*: it has 2 channels of 16 bits at 48000 Hz.*needed are 1 or 2 channels of 16 bits at 44100"):
        machine.start()
    with pytest.raises(Refused, match="audio.capture.file is 'a.wav': the daemon needs an absolute path"):
        make(sound, **card(capture={"backend": "wav", "file": "a.wav"}))


def seek(machine, icount: int) -> None:
    place = machine.call("replay-seek", icount=icount)
    assert place["icount"] == icount and machine.replay_info()["icount"] == icount


def test_a_replay_goes_back_and_forth_in_sound_and_ends_with_the_same_file(make, sound, tmp_path):
    noise = wav_of(tmp_path / "noise.wav", CAPTURED)
    machine = make(sound, "mods=blk,ext4,sound", "run=duplex",
                   **card(playback={"backend": "wav", "replay-file": "again.wav"},
                          capture={"backend": "wav", "file": str(tmp_path / "noise.wav")}))
    seen = record(machine)
    assert captured(machine)[1] == hashlib.md5(noise).hexdigest()
    live = folder_of(machine) / "playback.wav"
    assert guests.sine(*guests.SINE)[44:] in frames_of(live)
    machine.start(replay="r1", paused=True)
    for part in (80, 95, 90, 70, 99, 40, 97):
        seek(machine, seen["icount"] * part // 100)
    machine.call("cont")
    machine.wait_until_stopped(200)
    assert machine.replay_info()["status"] == "ended", machine.call("query-divergence")
    assert parts(machine) == seen["parts"]
    machine.end()
    assert (folder_of(machine) / "again.wav").read_bytes() == live.read_bytes()
