# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/json-session.md, said line by line to a daemon by a client that knows nothing but JSON and a socket."""

import json
import pathlib
import re
import socket

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/json-session.md"


def fits(expected, found) -> bool:
    """Whether what was heard is what the document shows."""
    if expected == "*":
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        members = expected.keys() - {"..."}
        return (members == found.keys() or ("..." in expected and members <= found.keys())) and all(
            fits(expected[name], found[name]) for name in members)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(fits, expected, found))
    return expected == found


def test_the_documents_patterns_can_fail():
    assert fits({"a": "*", "...": "*"}, {"a": 1, "b": 2}) and not fits({"a": "*"}, {"a": 1, "b": 2})
    assert not fits({"a": 1, "...": "*"}, {"a": 2}) and not fits([1], [1, 2]) and not fits({"a": 1}, {"b": 1})


def test_a_plain_json_client_hears_what_the_document_says(lab, tiny):
    lines = re.findall(r"^    ([CS]): (\{.*\})$", DOCUMENT.read_text(encoding="utf-8"), re.M)
    assert len(lines) > 40
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(lab.socket))
        client.settimeout(60)
        heard = client.makefile("rb")
        for who, text in lines:
            text = text.replace("/srv/guests/tiny", str(tiny.kernel))
            if who == "C":
                client.sendall(text.encode() + b"\n")
                continue
            expected = json.loads(text)
            while True:
                line = heard.readline()
                assert line.endswith(b"\r\n")
                found = json.loads(line)
                if fits(expected, found):
                    break
                # An event that the document does not show; anything else is not what it says.
                assert "event" in found, f"expected {text}, heard {line.decode()}"
