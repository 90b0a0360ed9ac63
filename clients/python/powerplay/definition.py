# SPDX-License-Identifier: GPL-2.0-or-later
"""Machine definitions as files."""

import json
from pathlib import Path
from typing import Any, Dict, Union

from .errors import Failed

Definition = Dict[str, Any]


def resolve_paths(definition: Definition, directory: Path) -> Definition:
    """A copy whose file names are absolute: the daemon has no directory of its own."""
    result = dict(definition)
    for member in ("kernel", "initrd"):
        if isinstance(result.get(member), str):
            result[member] = str(directory / result[member])
    if isinstance(result.get("disks"), list):
        result["disks"] = [
            _resolve_disk(disk, directory) if isinstance(disk, dict) else disk
            for disk in result["disks"]]
    if isinstance(result.get("nics"), list):
        result["nics"] = [_resolve_nic(nic, directory) if isinstance(nic, dict) else nic for nic in result["nics"]]
    audio = result.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("capture"), dict):
        result["audio"] = {**audio, "capture": _resolve_file(audio["capture"], directory)}
    return result


def _resolve_nic(nic: Definition, directory: Path) -> Definition:
    result = dict(nic)
    if isinstance(nic.get("pcap"), str) and nic["pcap"]:
        result["pcap"] = str(directory / nic["pcap"])
    for member in ("listen", "connect"):
        if isinstance(nic.get(member), str) and nic[member].startswith("unix:"):
            result[member] = "unix:" + str(directory / nic[member][5:])
    return result


def _resolve_file(owner: Definition, directory: Path) -> Definition:
    if not isinstance(owner.get("file"), str):
        return owner
    return {**owner, "file": str(directory / owner["file"])}


def _resolve_disk(disk: Definition, directory: Path) -> Definition:
    result = dict(_resolve_file(disk, directory))
    if isinstance(disk.get("media"), list):
        result["media"] = [str(directory / path) if isinstance(path, str) else path for path in disk["media"]]
    return result


def load_definition(path: Union[str, Path]) -> Definition:
    """Reads a file; relative names in it start at its own folder."""
    file = Path(path)
    try:
        definition = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise Failed(f"{file}: not JSON: {error}") from error
    if not isinstance(definition, dict):
        raise Failed(f"{file}: a machine definition is a JSON object")
    return resolve_paths(definition, file.resolve().parent)
