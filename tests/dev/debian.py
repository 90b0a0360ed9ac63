# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages of another architecture or suite, through private apt states.

Mirror, key and options come from the machine's own Debian entry for suite bookworm; nothing of the system is changed.
A state lives in the cache with its own lists, an empty dpkg status and its own configuration file, which is read after
the system's (proxies, credentials and time-outs of the machine stay in force).

Packages are stored by SHA-256.  A plan remembers what a request was resolved to, so that the same request needs no
network again.  Invariants:
 1. a file under packages/ has the hash in its name: it is written under a temporary name, hashed, then renamed;
 2. a plan is written only after each of its packages is stored.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile

from dev.common import Failed, busy, cache, locked, run, say

SUITE = "bookworm"
APT = pathlib.Path("/etc/apt")
# Not taken over from the entry: the private state has its own.
OWN_FIELDS = {"types", "suites", "components", "architectures", "enabled"}
ONE_LINE_FIELDS = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}


class Missing(Failed):
    """Packages that are neither in the cache nor to be had."""

    def __init__(self, state: str, names: list[str], output: str):
        self.names = [f"{name} ({state})" for name in names]
        self.trouble = [line for line in output.splitlines() if line.startswith(("E:", "W:", "Err"))]
        super().__init__(missing_text(self.names, self.trouble))


def missing_text(names: list[str], trouble: list[str]) -> str:
    listed = "\n".join(f"  missing package: {name}" for name in names)
    return f"packages are neither in the cache ({cache()}) nor to be had from the mirror:\n{listed}\n{chr(10).join(trouble)}".rstrip()


@dataclasses.dataclass(frozen=True)
class Entry:
    """A Debian entry of the machine: its URIs and the fields to take over, as deb822 text."""
    uris: str
    fields: tuple[tuple[str, str], ...]
    place: str

    def text(self, suites: str) -> str:
        lines = ["Types: deb", f"URIs: {self.uris}", f"Suites: {suites}", "Components: main"]
        return "\n".join(lines + [f"{name}: {value}" for name, value in self.fields]) + "\n"

    def likely(self) -> int:
        """Order of trying: the archive's own key first, then a path that ends as Debian's mirrors do."""
        key = any("debian-archive" in value for name, value in self.fields if name.lower() == "signed-by")
        return (0 if key else 2) + (0 if self.uris.split()[0].rstrip("/").endswith("debian") else 1)


def stanzas(text: str) -> list[dict[str, str]]:
    """The stanzas of a deb822 file; continuation lines keep their line breaks."""
    result: list[dict[str, str]] = [{}]
    name = ""
    for line in text.splitlines():
        if not line.strip():
            result.append({})
        elif line.startswith("#"):
            continue
        elif line[0] in " \t" and name in result[-1]:
            result[-1][name] += "\n" + line
        elif ":" in line:
            name, value = line.split(":", 1)
            result[-1][name] = value.strip()
    return [stanza for stanza in result if stanza]


def deb822_entries(text: str, place: str) -> list[Entry]:
    entries = []
    for stanza in stanzas(text):
        low = {name.lower(): value for name, value in stanza.items()}
        if low.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without", "disable"):
            continue
        if ("deb" in low.get("types", "").split() and SUITE in low.get("suites", "").split()
                and "main" in low.get("components", "").split() and low.get("uris")):
            kept = tuple((name, value) for name, value in stanza.items()
                         if name.lower() not in OWN_FIELDS | {"uris"})
            entries.append(Entry(" ".join(low["uris"].split()), kept, place))
    return entries


def one_line_entries(text: str, place: str) -> list[Entry]:
    entries = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.split("#")[0].strip())
        if not match or match[3] != SUITE or "main" not in match[4].split() or match[2].startswith("cdrom:"):
            continue
        fields = []
        for option in re.findall(r"([\w-]+[+-]?)=(\S+)", match[1] or ""):
            name, suffix = option[0].rstrip("+-"), {"+": "-Add", "-": "-Remove"}.get(option[0][-1], "")
            name = ONE_LINE_FIELDS.get(name, name.title())
            if name.lower() not in OWN_FIELDS:
                fields.append((name + suffix, option[1].replace(",", " ")))
        entries.append(Entry(match[2], tuple(fields), place))
    return entries


def machine_entries(folder: pathlib.Path = APT) -> list[Entry]:
    """The machine's entries that can be Debian's own for the suite, the likeliest first."""
    entries = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if not path.is_file() or path.suffix not in (".list", ".sources"):
            continue
        parse = deb822_entries if path.suffix == ".sources" else one_line_entries
        entries += parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return sorted(entries, key=Entry.likely)


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str

    @property
    def path(self) -> pathlib.Path:
        return cache() / "packages" / f"{self.sha256}.deb"

    def stored(self) -> bool:
        return self.path.exists()


class State:
    """One private apt state."""

    def __init__(self, name: str, architecture: str, suites: str, status: str | None = None, prefer: str = ""):
        """status: a dpkg status file of what counts as installed (none: nothing).  prefer: the suite to take first."""
        self.name = name
        self.suites = suites
        self.folder = cache() / "apt" / name
        self.conf = self.folder / "apt.conf"
        self._architecture = architecture
        self._status, self._prefer = status, prefer
        self._updated = False

    def _apt(self, tool: str, *words: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run([tool, "-c", str(self.conf), *words], check=False, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def _write(self, entry: Entry) -> None:
        for folder in ("state/lists/partial", "cache/archives/partial", "parts", "none"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        status = self._status or str(self.folder / "status")
        if not self._status:
            (self.folder / "status").touch()
        (self.folder / "parts" / "debian.sources").write_text(entry.text(self.suites), encoding="utf-8")
        self.conf.write_text(f"""\
APT::Architecture "{self._architecture}";
#clear APT::Architectures;
APT::Architectures {{ "{self._architecture}"; }};
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
APT::Default-Release "{self._prefer}";
Acquire::Languages "none";
Dir::State "{self.folder}/state";
Dir::State::status "{status}";
Dir::Cache "{self.folder}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{self.folder}/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{self.folder}/none";
""", encoding="utf-8")

    def _is_debian(self) -> bool:
        lists = self.folder / "state" / "lists"
        heads = [path.read_text(encoding="utf-8", errors="replace")[:4000] for path in lists.glob("*Release")]
        return bool(heads) and all(re.search(r"^Origin: Debian$", head, re.M) for head in heads)

    def update(self) -> None:
        """Fetches the indexes, three tries.  A failure is not fatal here: only a package that is then missing is."""
        if self._updated:
            return
        self._updated = True
        entries = machine_entries()
        if not entries:
            raise Failed(f"no Debian entry for suite {SUITE} with component main in {APT}/sources.list or "
                         f"{APT}/sources.list.d; add the machine's Debian mirror there")
        for entry in entries:
            self._write(entry)
            for attempt in (1, 2, 3):
                say(f"fetching the package index for {self.name} (entry in {entry.place})")
                with busy("fetching the index"):
                    done = self._apt("apt-get", "update", "--error-on=any")
                if done.returncode == 0:
                    break
                problems = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
                say(f"index error, try {attempt} of 3: {' / '.join(problems[:2])}")
            if self._is_debian():
                break

    def newest(self, pattern: str) -> str:
        """The newest package whose name matches; the pattern itself if there is none."""
        names = self._apt("apt-cache", "pkgnames").stdout.split()
        found = [name for name in names if re.fullmatch(pattern, name)]
        return max(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)], default=pattern)

    def resolve(self, names: list[str], dependencies: bool) -> list[Package]:
        """The packages (and what they depend on) that the indexes offer."""
        if dependencies:
            done = self._apt("apt-get", "install", "-s", "--no-install-recommends", *names)
            if done.returncode != 0:
                offered = self._offered([name.split("/")[0] for name in names])
                missing = [name for name in names if name.split("/")[0] not in offered] or names
                raise Missing(self.name, missing, done.stdout)
            names = sorted(f"{m[1]}={m[2]}" for m in re.finditer(r"^Inst (\S+)(?: \[\S+\])? \((\S+)", done.stdout, re.M))
        offered = self._offered(names)
        missing = [name for name in names if name not in offered]
        if missing:
            raise Missing(self.name, missing, "")
        return [offered[name] for name in names]

    def _offered(self, names: list[str]) -> dict[str, Package]:
        """What the indexes have of these, by name and by name=version; asked at once, as a question takes a second."""
        done = self._apt("apt-cache", "show", "--no-all-versions", *names)
        found = [Package(row["Package"], row["Version"], row["SHA256"]) for row in stanzas(done.stdout) if "SHA256" in row]
        return {key: package for package in found for key in (package.name, f"{package.name}={package.version}")}

    def fetch(self, packages: list[Package]) -> None:
        """Stores what is not stored yet."""
        wanted = {package.sha256: package for package in packages if not package.stored()}
        if not wanted:
            return
        say(f"fetching {len(wanted)} packages for {self.name}")
        store = cache() / "packages"
        store.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store, prefix=".fetch-") as folder:
            names = [f"{package.name}={package.version}" for package in wanted.values()]
            with busy("fetching packages"):
                done = self._apt("apt-get", "download", *names, cwd=folder)
            for path in pathlib.Path(folder).glob("*.deb"):
                package = wanted.pop(hash_of(path), None)
                if package:
                    os.replace(path, package.path)
            if wanted:
                raise Missing(self.name, [package.name for package in wanted.values()], done.stdout)


def hash_of(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packages(state: State, patterns: list[str], dependencies: bool = False) -> list[Package]:
    """Stored packages for a request: names, or patterns of which the newest is meant.  Without network if they are stored.

    Raises Failed, naming each package that is neither stored nor to be had.
    """
    key = hashlib.sha256(json.dumps([state.name, state.suites, patterns, dependencies]).encode()).hexdigest()[:16]
    plan = cache() / "plans" / f"{state.name}-{key}.json"
    with locked(cache() / "lock"):
        if plan.exists():
            known = [Package(**row) for row in json.loads(plan.read_text(encoding="utf-8"))["packages"]]
            if all(package.stored() for package in known):
                return known
        state.update()
        names = [state.newest(pattern) if "[" in pattern else pattern for pattern in patterns]
        found = state.resolve(names, dependencies)
        state.fetch(found)
        plan.parent.mkdir(exist_ok=True)
        fresh = plan.with_suffix(".new")
        rows = [dataclasses.asdict(package) for package in found]
        fresh.write_text(json.dumps({"request": patterns, "packages": rows}, indent=1), encoding="utf-8")
        os.replace(fresh, plan)
        return found


@functools.cache
def ppc64el() -> State:
    return State("ppc64el", "ppc64el", SUITE)


@functools.cache
def backports() -> State:
    """For packages newer than the suite's, of this machine's architecture, on top of what is installed."""
    host = run(["dpkg", "--print-architecture"], quiet=True).stdout.strip()
    return State("backports", host, f"{SUITE} {SUITE}-backports", status="/var/lib/dpkg/status", prefer=f"{SUITE}-backports")


def unpack(package: Package, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    run(["dpkg-deb", "-x", package.path, folder], quiet=True)
