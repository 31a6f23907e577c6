# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Rules over source files: rooms, levels, doors, words, sizes, heads. Each check returns a list of findings, as text."""
import ast
import functools
import re
from pathlib import Path

RULES = Path(__file__).with_name("rules.txt")
SKIP = {".git", "build", "autom4te.cache", "__pycache__", "corpus", "sample-data"}


class Rules:
    """rules.txt as verb -> list of argument texts."""

    def __init__(self, path=RULES):
        self.lines = {}
        for n, line in enumerate(path.read_text().splitlines(), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            verb, _, rest = line.partition(" ")
            self.lines.setdefault(verb, []).append((n, rest.strip()))

    def all(self, verb):
        assert verb in self.lines, f"rules.txt has no rule `{verb}`"
        return [rest for _, rest in self.lines[verb]]

    def words(self, verb):
        return [rest.split() for rest in self.all(verb)]


@functools.lru_cache(None)
def pattern(glob):
    """`**` spans folders, `*` does not; [ch] as in the shell."""
    out, i = "", 0
    while i < len(glob):
        if glob.startswith("**", i):
            out, i = out + ".*", i + 2
        elif glob[i] == "*":
            out, i = out + "[^/]*", i + 1
        elif glob[i] == "[":
            end = glob.index("]", i)
            out, i = out + glob[i:end + 1].replace("[!", "[^"), end + 1
        else:
            out, i = out + re.escape(glob[i]), i + 1
    return re.compile(out)


def matches(name, globs):
    return any(pattern(g).fullmatch(name) for g in globs)


class Tree:
    """The files of a source tree by their path from its root."""

    def __init__(self, root):
        self.root = Path(root)
        self.files = sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*")
                            if p.is_file() and not SKIP.intersection(p.relative_to(self.root).parts[:-1])
                            and not p.relative_to(self.root).parts[0].startswith("build"))

    def text(self, name):
        return (self.root / name).read_text(errors="replace")

    def select(self, globs):
        """Files that match; `except` starts the exceptions."""
        cut = globs.index("except") if "except" in globs else len(globs)
        wanted, but = globs[:cut], globs[cut + 1:]
        return [f for f in self.files if matches(f, wanted) and not matches(f, but)]


C_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def c_code(text):
    """C without comments, and with empty strings; lines keep their numbers."""
    def blank(m):
        s = m.group()
        return ('""' if s[0] == '"' else "' '" if s[0] == "'" else "") + "\n" * s.count("\n")
    return C_TOKEN.sub(blank, text)


def c_strings(text):
    """Only what stands inside strings (but not the paths of includes); lines keep their numbers."""
    out, line, rows = [], 1, {}
    for m in C_TOKEN.finditer(text):
        line = text.count("\n", 0, m.start()) + 1
        if m.group()[0] == '"':
            rows[line] = rows.get(line, "") + m.group()[1:-1] + " "
    for n, source in enumerate(text.split("\n"), 1):
        out.append("" if source.lstrip().startswith("#include") else rows.get(n, ""))
    return "\n".join(out)


def sql_code(text):
    return re.sub(r"--[^\n]*", "", text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(tree, name):
    """(line, header, is a system header)"""
    text = tree.text(name)
    for m in INCLUDE.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m.group(2), m.group(1) == "<"


def c_files(tree):
    return [f for f in tree.files if f.endswith((".c", ".h"))]


def room_of(name, rooms):
    """The deepest room a path is in, or None."""
    folder = name.rpartition("/")[0]
    return folder if folder in rooms else None


def check_rooms(tree, rules):
    rooms = {w[0]: {w[0], *w[2:]} for w in rules.words("room")}
    generated = {g for w in rules.words("generated") for g in w}
    for name in c_files(tree):
        room = room_of(name, rooms)
        if name.startswith(("lib/", "daemon/")) and room is None:
            yield f"{name}: is in no room of rules.txt"
        if room is None:
            continue
        for line, header, system in includes(tree, name):
            if system or header in generated:
                continue
            if "/" not in header:
                yield f"{name}:{line}: \"{header}\" must be included by its full path"
            elif not rooms[room] & {header, header.rpartition("/")[0]}:
                yield f"{name}:{line}: {room} must not include {header}"


def module_of(path, modules):
    """daemon/config_named.c -> config: the longest module whose name, or name and `_`, starts the file's name."""
    stem = Path(path).stem
    found = [m for m in modules if stem == m or stem.startswith(m + "_")]
    return max(found, key=len, default=None)


def check_levels(tree, rules):
    level = {m: n for n, names in enumerate(rules.words("level")) for m in names}
    for name in tree.select(["daemon/*.c", "daemon/*.h", "daemon/*.def"]):
        mine = module_of(name, level)
        if mine is None or name.endswith(".def"):
            if mine is None and name != "daemon/options.def":
                yield f"{name}: its module is on no level of rules.txt"
            continue
        for line, header, system in includes(tree, name):
            if system or not re.fullmatch(r"daemon/[^/]+", header):
                continue
            other = "config" if header == "daemon/options.def" else module_of(header, level)
            if other is None or other != mine and level[other] >= level[mine] and not {mine, other} <= {"main", "daemon"}:
                yield f"{name}:{line}: {mine} must not include {header} (levels in rules.txt)"


def check_private(tree, rules):
    """The first rule about a header counts; tests may look inside the module they test."""
    private = [(w[0], w[1:]) for w in rules.words("private")]
    for name in c_files(tree):
        for line, header, system in includes(tree, name):
            allowed = next((files for glob, files in private if not system and matches(header, [glob])), None)
            if allowed is None or allowed == ["own-module"] and name.startswith("tests/"):
                continue
            base = header.removesuffix("_internal.h")
            if allowed == ["own-module"]:
                allowed = [base + "_*", base + ".*"]
            if not matches(name, allowed):
                yield f"{name}:{line}: {header} is private"


def check_doors(tree, rules):
    doors = [(w[0], w[1:]) for w in rules.words("door")]
    libc = [h for w in rules.words("libc") for h in w]
    for name in tree.select(["lib/**.[ch]", "daemon/**.[ch]"]):
        for line, header, system in includes(tree, name):
            if not system:
                continue
            door = next((files for glob, files in doors if matches(header, [glob])), None)
            if door is None and not matches(header, libc):
                yield f"{name}:{line}: <{header}> is of no known library: add a door to rules.txt"
            elif door is not None and not matches(name, door):
                yield f"{name}:{line}: <{header}> is only for {' '.join(door)}"


def scan(tree, rule, view):
    """rule: NAME FILES... : EXPRESSION : ADVICE"""
    head, expression, advice = re.split(r" : ", rule)
    what, *globs = head.split()
    found = re.compile(expression)
    for name in tree.select(globs):
        for n, line in enumerate(view(name, tree.text(name)).split("\n"), 1):
            m = found.search(line)
            if m:
                yield f"{name}:{n}: {what}: `{m.group().strip()}`: {advice}"


def check_words(tree, rules):
    for rule in rules.all("word"):
        yield from scan(tree, rule, lambda _, text: c_code(text))
    for rule in rules.all("text"):
        yield from scan(tree, rule, lambda name, text: sql_code(text) if name.endswith(".sql") else c_strings(text))


def is_sleep(node):
    f = node.func
    return isinstance(f, ast.Attribute) and f.attr == "sleep" or isinstance(f, ast.Name) and f.id == "sleep"


def sleeps(node, waiting):
    """Lines of sleeps that stand in no function that waits."""
    for child in ast.iter_child_nodes(node):
        inside = waiting
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = waiting or re.search(r"wait|poll|until", child.name) is not None
        if isinstance(child, ast.Call) and is_sleep(child) and not inside:
            yield child.lineno
        yield from sleeps(child, inside)


def check_python_sleep(tree, rules):
    for globs in rules.words("python-sleep"):
        for name in tree.select(globs):
            for line in sleeps(ast.parse(tree.text(name)), False):
                yield f"{name}:{line}: sleeps outside of a function that waits for something"


def check_lines(tree, rules):
    seen = set()
    for limit, *globs in rules.words("lines"):
        for name in tree.select(globs):
            count = tree.text(name).count("\n")
            if name not in seen and count > int(limit):
                yield f"{name}: {count} lines, at most {limit}"
            seen.add(name)


def c_functions(text):
    """(first line, name, lines): clang-format puts a function's braces at the start of a line."""
    start, inside, name = 0, False, ""
    for n, line in enumerate(c_code(text).split("\n"), 1):
        if inside:
            if line.startswith("}"):
                yield start, name, n - start + 1
                inside, start = False, 0
        elif line.startswith("{"):
            inside = start > 0
        elif re.match(r"[A-Za-z_].*\(", line) and not line.rstrip().endswith(";"):
            start, name = n, (re.findall(r"(\w+)\s*\(", line) or ["?"])[0]
        elif line.startswith(("}", "#")) or not line.strip():
            start = 0


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


def check_functions(tree, rules):
    for limit, *globs in rules.words("function"):
        for name in tree.select(globs):
            functions = c_functions if name.endswith(".c") else python_functions
            for line, function, count in functions(tree.text(name)):
                if count > int(limit):
                    yield f"{name}:{line}: {function} has {count} lines, at most {limit}"


def check_heads(tree, rules):
    for globs in rules.words("head"):
        for name in tree.select(globs):
            lines = [line for line in tree.text(name).split("\n", 5)[:5] if not line.startswith(("#!", "# shellcheck", "// needs:"))]
            if len(lines) < 2 or not re.fullmatch(r"\W+SPDX-License-Identifier: Apache-2.0", lines[0]) \
                    or not re.fullmatch(r"\W+SPDX-FileCopyrightText: the paperguard authors", lines[1]):
                yield f"{name}: must start with the two SPDX lines"
    for globs in rules.words("purpose"):
        for name in tree.select(globs):
            if name.endswith(".c") and name[:-1] + "h" in tree.files:
                continue  # its header says it
            lines = tree.text(name).split("\n", 4)
            if len(lines) < 4 or lines[2] != "//" or not lines[3].startswith("// "):
                yield f"{name}: says nowhere at its top what it is for"


CHECKS = [check_rooms, check_levels, check_private, check_doors, check_words, check_python_sleep, check_lines,
          check_functions, check_heads]
