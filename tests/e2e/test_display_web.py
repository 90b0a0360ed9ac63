# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen in a real browser, by `powerplay vnc --web`: seen, typed at, recorded; the replay is only watched."""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

import pytest

from browser import Browser
from conftest import PACED, parts
from dev.build import program
from guest import guests
from test_display import events_after, shell_machine, wait_ready, watch_events
from test_display_installer import wait_for_screen

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["POWERPLAY_BUILD"])
CONNECTED = "document.getElementById('status').textContent === 'connected'"
STATUS = "return document.getElementById('status').textContent"
# Of the picture's place in the page: left, top, and how many pixels of the page are one of the guest's.
PLACE = "const box = document.querySelector('canvas').getBoundingClientRect(); " \
        "return [box.left, box.top, box.width / document.querySelector('canvas').width]"


@pytest.fixture(scope="module", autouse=True)
def page():
    if not shutil.which("npm"):
        pytest.skip("noVNC comes by npm, which is not installed")
    subprocess.run([sys.executable, ROOT / "clients/novnc/fetch.py", BUILD / "clients/novnc/page"], check=True)


@contextlib.contextmanager
def served(lab, machine):
    """A function that gives the next address that `powerplay vnc --web` prints."""
    command = [program("powerplay", BUILD), "--socket", str(lab.socket), "vnc", machine.name, "--web", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        def next_address() -> str:
            assert select.select([server.stdout], [], [], 120)[0], "no address was printed"
            return json.loads(server.stdout.readline())["address"]
        try:
            assert json.loads(server.stdout.readline())["enabled"]
            yield next_address
        finally:
            server.terminate()


def logged_keys(lab, machine, recording: str) -> list[tuple[int, int]]:
    """Number and direction of each key in the log."""
    sys.path.insert(0, str(ROOT / "replay"))
    import log_reader
    table = log_reader.load_table(BUILD / "replay/log_events.py")
    log = pathlib.Path(lab.wire.call("machine-info", name=machine.name)["directory"]) / "recordings" / recording / "log"
    events = list(log_reader.read(table, log.read_bytes()))
    return [(event["number"], int(event["down"])) for event in events if event["event"] == "input-key"]


def test_a_browser_sees_and_types_and_loads_nothing_from_elsewhere(make, shell, lab, tmp_path):
    machine = shell_machine(make, shell, display={"width": 800, "height": 600, "vnc": {"listen": "unix"}})
    machine.start(record="web")
    wait_ready(machine)
    watch_events(machine)
    with served(lab, machine) as next_address, Browser() as browser:
        address = next_address()
        browser.open(address)
        browser.wait(CONNECTED)
        start = len(machine.text())
        browser.keys("w", "e", "b")
        typed = events_after(machine, start, "K", 12)
        assert typed == [event for code in (17, 18, 48) for event in ((1, code, 1), (0, 0, 0), (1, code, 0), (0, 0, 0))]
        left, top, scale = browser.run(PLACE)
        browser.click(round(left + 200 * scale), round(top + 150 * scale))
        moved = [event for event in events_after(machine, start, "T", 6) if event[0] == 3]
        places = {code: value for _, code, value in moved}
        assert abs(places[0] * 800 / 32768 - 200) <= 1 and abs(places[1] * 600 / 32768 - 150) <= 1
        assert [row["websocket"] for row in machine.call("query-vnc")["clients"]] == [True]
        server = address.split("/#")[0]
        asked = browser.addresses()
        assert len(asked) > 30
        assert all(one.startswith((server + "/", server.replace("http:", "ws:") + "/vnc/", "data:")) for one in asked), asked
        assert not browser.log()
        with Browser() as second:   # the address was good once, and the next one is good for another browser
            second.open(address)
            second.wait("document.getElementById('status').textContent.startsWith('not let in')")
            second.open("about:blank")
            second.open(next_address())
            second.wait(CONNECTED)
            assert [row["controls"] for row in machine.call("query-vnc")["clients"]] == [True, False]
        machine.call("stop")
        digests = parts(machine)
        machine.call("record-stop")
    machine.end()
    assert logged_keys(lab, machine, "web") == [(code, down) for code in (17, 18, 48) for down in (1, 0)]
    assert machine.replay("web", 300)["status"] == "ended"
    assert parts(machine) == digests


def test_debians_installer_is_driven_from_a_browser_and_the_replay_shows_the_same(make, lab, tmp_path):
    guest = dataclasses.replace(guests.prepare(["installer"])["installer"], append="console=tty0")
    machine = make(guest, memory="1G", clock=PACED, input=["keyboard", "tablet"], display={"vnc": {"listen": "unix"}})
    machine.start(record="web")
    seen, pictures = (wait_for_screen(machine, 1200),), []
    with served(lab, machine) as next_address, Browser(1100, 880) as browser:
        browser.open(next_address())
        browser.wait(CONNECTED)
        for key in ("down", "up", "ret", "ret", "ret"):   # about the list, then language, location, keyboard
            time.sleep(1)
            pictures.append(browser.picture(pathlib.Path(os.environ.get("POWERPLAY_PICTURES", tmp_path)) / f"{len(pictures)}.png"))
            browser.keys(key)
            if key == "ret":
                seen = (*seen, wait_for_screen(machine, 600, seen))
        pictures.append(browser.picture(tmp_path / "end.png"))
        assert len(set(pictures)) >= 5 and len(set(seen)) == 4
    machine.call("stop")
    before, digests = machine.call("screen-image", data=False), parts(machine)
    machine.call("record-stop")
    machine.end()
    assert len(logged_keys(lab, machine, "web")) == 10
    machine.start(replay="web")
    with served(lab, machine) as next_address, Browser() as browser:
        browser.open(next_address())
        browser.wait(CONNECTED)
        browser.keys("x")   # a replay takes no input; the browser watches
        machine.wait_until_stopped(3600)
        assert browser.run(STATUS) == "connected"
    assert machine.replay_info()["status"] == "ended", machine.call("query-divergence")
    assert machine.call("screen-image", data=False) == before and parts(machine) == digests
