# SPDX-License-Identifier: GPL-2.0-or-later
"""Chromium without a window, driven by Debian's chromedriver over its own protocol (W3C WebDriver)."""

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

# WebDriver's names of keys that are no characters.
KEYS = {"ret": "\ue007", "down": "\ue015", "up": "\ue013", "tab": "\ue004", "esc": "\ue00c", "shift": "\ue008"}


class Browser:
    """A context manager. log() is what the page and the network had to say."""

    def __init__(self, width: int = 1100, height: int = 860):
        self._folder = tempfile.mkdtemp(prefix="powerplay-browser-")
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self._session = ""
        try:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=120)
            # As root, and in containers, Chromium cannot make its own sandbox.
            words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", f"--window-size={width},{height}", f"--user-data-dir={self._folder}"]
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": words},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self._session = f"/session/{made['sessionId']}"
            self.open("about:blank")
            self.addresses()   # of the browser's own first page
        except BaseException:
            self.close()
            raise

    def _port(self) -> int:
        for line in self._driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError("chromedriver did not start")

    def _call(self, method: str, path: str, body: dict | None = None):
        self._connection.request(method, path, json.dumps(body) if body is not None else None,
                                 {"Content-Type": "application/json"})
        value = json.loads(self._connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{path}: {value['error']}: {value['message']}")
        return value

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        try:
            if self._session:
                self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(20)
            shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, address: str) -> None:
        self._call("POST", self._session + "/url", {"url": address})

    def run(self, script: str, *arguments):
        """A function's body, in the page."""
        return self._call("POST", self._session + "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not self.run(f"return !!({condition})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"the page never had {condition}; it says {self.run('return document.body.innerText')!r}")
            time.sleep(0.1)

    def keys(self, *names: str) -> None:
        """Pressed and let go one after the other, as from a keyboard: the page has the focus or has not."""
        actions = [{"type": kind, "value": KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")]
        self._call("POST", self._session + "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, x: int, y: int) -> None:
        actions = [{"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"},
                   {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._call("POST", self._session + "/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def picture(self, path: str | os.PathLike) -> bytes:
        data = base64.b64decode(self._call("GET", self._session + "/screenshot"))
        pathlib.Path(path).write_bytes(data)
        return data

    def log(self) -> list[str]:
        """The console's warnings and errors."""
        rows = self._call("POST", self._session + "/se/log", {"type": "browser"})
        return [f"{row['level']}: {row['message']}" for row in rows if row["level"] in ("WARNING", "SEVERE")]

    def addresses(self) -> list[str]:
        """Of all that was asked for over the network."""
        rows = self._call("POST", self._session + "/se/log", {"type": "performance"})
        events = [json.loads(row["message"])["message"] for row in rows]
        wanted = {"Network.requestWillBeSent": lambda p: p["request"]["url"], "Network.webSocketCreated": lambda p: p["url"]}
        return [wanted[event["method"]](event["params"]) for event in events if event["method"] in wanted]
