# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of ./dev lint.  A rule takes a path relative to the root and the file's text and yields (line, message).

An exception is a row of allowed.txt with its reason; a row that nothing needs any more is itself an error.
"""

import ast
import pathlib
import re
import subprocess

C = (".c", ".h")
COMMENTED = (".c", ".h", ".py", ".sh", ".S", ".ld", ".def", ".isa", ".build", ".txt")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
MAX_BYTES = 1 << 20
LONG_FILE = 900

# Who may include whom.  The first row that a path starts with decides.
LAYERS = (
    ("replay/", {"replay"}),
    ("api/", {"api"}),
    ("machine/commands/", {"machine", "replay", "api"}),
    ("machine/worker", {"machine", "replay", "api"}),   # the main program
    ("machine/", {"machine", "replay"}),
    ("daemon/", {"daemon", "api"}),
    ("clients/", {"clients"}),
)
FOLDERS = {"api", "replay", "machine", "daemon", "clients", "tests", "docs"}

# What would make a run depend on anything but its state and its log, in machine/ and replay/.
CALLS = {
    "clock": r"\b(time|gettimeofday|clock_gettime|clock|g_get_monotonic_time|g_get_real_time|g_date_time_new_now\w*|localtime\w*"
             r"|gmtime\w*|mktime|nanosleep|usleep|g_usleep|__rdtsc|g_timer_new)\s*\(",
    "random": r"\b(rand|srand|rand_r|random|srandom|drand48|getrandom|getentropy|arc4random\w*|g_random_\w+|g_rand_\w+|g_uuid_\w+)\s*\(",
    "threads": r"\b(pthread_\w+|g_thread_\w+|g_mutex_\w+|g_cond_\w+|g_rw_lock_\w+|g_async_queue_\w+|thrd_\w+|g_thread_pool_\w+|fork|vfork)\s*\(",
    "pointer order": r"\b(g_hash_table_(foreach\w*|iter_init|get_keys\w*|get_values\w*|find|steal_all\w*)|g_direct_hash)\b",
    "libm": r"(?<![\w.>])(sqrt|sin|cos|tan|exp|exp2|log|log2|log10|pow|fma|floor|ceil|rint|nearbyint|round|trunc|fmod|remainder|ldexp|frexp"
            r"|scalbn|fabs|hypot|cbrt|modf)[fl]?\s*\(",
    "locale": r"\b(setlocale|strtod|strtof|strtold|atof|g_strtod|strcoll|strxfrm|toupper|tolower|isalpha|isprint)\s*\(",
    "host environment": r"\b(getenv|g_getenv|secure_getenv|getpid|gettid|gethostname|uname|sysconf|g_get_num_processors)\s*\(",
}
# What the guest-visible parts must not reach at all: they see files and sockets only through the inbox and the ports.
DEVICE_FOLDERS = ("machine/cpu/", "machine/devices/", "machine/boards/", "machine/translator/")
DEVICE_CALLS = {
    "files and sockets": r"(?<![\w.>])(open|openat|fopen|read|write|pread|pwrite|readv|writev|lseek|ioctl|socket|connect|accept|bind|listen"
                         r"|send|recv|sendmsg|recvmsg|poll|select|epoll_\w+|g_file_\w+|g_io_channel_\w+|g_socket_\w+)\s*\(",
}

# Names of mirrors and registries, and places of one machine.  Put together so that this file does not hold them.
HOSTS = "|".join(name.replace("~", r"\.") for name in (
    "deb~debian~org", "ftp~debian~org", "security~debian~org", "snapshot~debian~org", "pypi~org", "npmjs~org", "npmjs~com", "crates~io",
    "proxy~golang~org", "rubygems~org", "repo1~maven~org"))
PLACES = "|".join(("/" + "work/", "/" + "tmp/brief", "/" + "root/", r"\.\./" + "shared", "shared/" + "(design|research|hardware|guests)"))


def without_comments(text: str) -> str:
    """C text with comments and string contents blanked, line breaks kept."""
    def blank(match: re.Match) -> str:
        word = match[0]
        return word if word[0] not in "/\"'" else word[0] + "".join(c if c == "\n" else " " for c in word[1:-1]) + word[-1]
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def _matches(pattern: str, text: str):
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


def layers(path: str, text: str):
    if not path.endswith(C):
        return
    allowed = next((folders for prefix, folders in LAYERS if path.startswith(prefix)), None)
    for line, match in _matches(r'(?m)^\s*#\s*include\s+"([^"]+)"', text):
        folder = match[1].split("/")[0]
        if allowed is not None and folder in FOLDERS and folder not in allowed:
            yield line, f"{path.split('/')[0]}/ may not include {match[1]}; it may use {' '.join(sorted(allowed))}"
        if ".." in match[1]:
            yield line, f"includes are written from the root, not {match[1]}"


def calls(path: str, text: str):
    if not path.endswith(C) or not path.startswith(("machine/", "replay/")):
        return
    code = without_comments(text)
    rules = CALLS | (DEVICE_CALLS if path.startswith(DEVICE_FOLDERS) else {})
    for name, pattern in rules.items():
        for line, match in _matches(pattern, code):
            before = code[code.rfind("\n", 0, match.start()) + 1:match.start()]
            # A declaration or definition of an own function of that name, or a member, is no call.
            if not re.search(r"(\w[\w ]*\s\*?|->|\.)$", before) or re.search(r"\b(return|else|case)\s+$", before):
                yield line, f"{name}: {match[0].rstrip('(').strip()}"


def goto(path: str, text: str):
    if path.endswith(C):
        for line, _ in _matches(r"\bgoto\b", without_comments(text)):
            yield line, "no goto: use g_autoptr, or a function of its own"


def licence(path: str, text: str):
    named = path.endswith(COMMENTED) or text.startswith("#!")
    if named and path != "LICENSE" and text.strip() and SPDX not in "\n".join(text.splitlines()[:3]):
        yield 1, f"the first lines lack \"{SPDX}\""


def words(path: str, text: str):
    for line, match in _matches(HOSTS, text):
        yield line, f"a registry's host name: {match[0]}; take it from the machine's own entries"
    for line, match in _matches(PLACES, text):
        yield line, f"a place of one machine: {match[0]}"


def blanks(path: str, text: str):
    for line, _ in _matches(r"(?m)[ \t]+$", text):
        yield line, "blanks at the end of the line"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no line break at the end of the file"
    if path.endswith((*C, ".py", ".build", ".sh")):
        for line, _ in _matches(r"\t", text):
            yield line, "a tab; indent with spaces"


def python_syntax(path: str, text: str):
    if path.endswith(".py"):
        try:
            ast.parse(text, path)
        except SyntaxError as error:
            yield error.lineno or 1, f"Python syntax: {error.msg}"


def shell_syntax(path: str, text: str):
    first = text.split("\n", 1)[0]
    shell = re.match(r"#!\s*(?:/usr)?/bin/(?:env )?(sh|dash|bash)\b", first)
    if shell or path.endswith(".sh"):
        name = shell[1] if shell else "sh"
        done = subprocess.run([name, "-n"], input=text, text=True, capture_output=True, check=False)
        for error in done.stderr.splitlines():
            number = re.search(r"(?:line )?(\d+):", error)
            yield int(number[1]) if number else 1, f"shell syntax: {error}"


RULES = (layers, calls, goto, licence, words, blanks, python_syntax, shell_syntax)


class Allowed:
    """The exceptions: rows "path | rule | text in the message | reason"."""

    def __init__(self, text: str):
        self.rows = []
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                row = [field.strip() for field in line.split("|")]
                if len(row) != 4 or not all(row):
                    raise ValueError(f"allowed.txt wants \"path | rule | message part | reason\": {line}")
                self.rows.append(tuple(row))
        self.used: set[tuple] = set()

    def covers(self, path: str, rule: str, message: str) -> bool:
        rows = [row for row in self.rows if pathlib.PurePath(path).match(row[0]) and row[1] == rule and row[2] in message]
        self.used.update(rows)
        return bool(rows)

    def unused(self) -> list[tuple]:
        return [row for row in self.rows if row not in self.used]


def check(path: str, text: str, allowed: Allowed) -> list[str]:
    """All findings in one file, as "path:line: rule: message"."""
    return [f"{path}:{line}: {rule.__name__}: {message}" for rule in RULES for line, message in rule(path, text)
            if not allowed.covers(path, rule.__name__, message)]
