# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python reader and the C reader see the same events; events.def is what the reference page says.

usage: test_log_reader.py MAKE-LOG FOLDER-OF-REPLAY TABLE
"""

import json
import pathlib
import subprocess
import sys
import tempfile


def main() -> None:
    make_log, folder, table = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    import events
    import log_reader

    with tempfile.TemporaryDirectory() as place:
        log = pathlib.Path(place) / "log"
        done = subprocess.run([make_log, str(log)], check=True, capture_output=True, text=True)
        from_c = [json.loads(line) for line in done.stdout.splitlines()]
        from_python = list(log_reader.read(log_reader.load_table(table), log.read_bytes()))
    assert len(from_c) > 1000, len(from_c)
    seen = {event["event"] for event in from_c}
    wanted = {"interrupt", "exception", "char-read", "input-sync", "random", "clock", "checkpoint", "hash", "mark", "end"}
    assert wanted <= seen, wanted - seen
    assert any("virtual-ns" in event for event in from_c)
    for number, (left, right) in enumerate(zip(from_c, from_python)):
        assert left == right, f"event {number}: C read {left}, Python read {right}"
    assert len(from_c) == len(from_python), (len(from_c), len(from_python))

    rows, names = events.parse((folder / "events.def").read_text(encoding="utf-8"))
    page = events.markdown(rows, names, "")
    for row in rows:
        assert f"| {row['id']} | {row['title']} | " in page, row
    print(f"{len(from_c)} events, {len(rows)} kinds")


if __name__ == "__main__":
    main()
