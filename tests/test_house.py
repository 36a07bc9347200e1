"""Tests on the tree itself: what packages may import, what no file may name, what documents say."""

import ast
import importlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "qanat_protocol": ROOT / "protocol" / "qanat_protocol",
    "qanat_relay": ROOT / "relay" / "qanat_relay",
    "qanat_client": ROOT / "client" / "qanat_client",
    "qanat_simulation": ROOT / "simulation" / "qanat_simulation",
}

# Built from halves, so that this file can be searched like every other.
REGISTRY_HOSTS = [
    ".".join(halves)
    for halves in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb.debian", "org"),
        ("archive.ubuntu", "com"),
        ("proxy.golang", "org"),
        ("crates", "io"),
    ]
]
MACHINE_PATHS = [
    "/" + path for path in ("work/main", "work/shared", "work/.", "opt/" + "pypi", "root/")
]
UNFINISHED = re.compile(
    r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"]) + r")\b"
)

# The protocol core does no I/O and reads no clock: time comes in as an argument.
IMPURE_MODULES = {
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "concurrent",
    "glob",
    "http",
    "multiprocessing",
    "pathlib",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlcipher3",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}
CLOCK_METHODS = {"now", "utcnow", "today"}
WEB = "client/web"
MAX_TYPESCRIPT_LINES = 400
IMPURE_IN_A_BROWSER = re.compile(
    r"\b(?:Date|performance|fetch|XMLHttpRequest|WebSocket|setTimeout|setInterval|console|document"
    r"|window|navigator|localStorage|sessionStorage|indexedDB|process|require|Math\.random)[.(]"
)
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "manager", "common"}


@cache
def tracked() -> tuple[Path, ...]:
    """The files that the repository holds and that are still there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(name, content) of every tracked file that is text."""
    found = []
    for path in tracked():
        try:
            found.append((named(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(found)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def dotted(package: str, path: Path) -> str:
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join([package, *(part for part in parts if part != "__init__")])


def imports(package: str, path: Path) -> Iterator[tuple[str, str | None]]:
    """(module, name imported from it or None) of every import, those in functions included."""
    own = dotted(package, path).split(".")
    parent = own if path.name == "__init__.py" else own[:-1]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def impurities(tree: ast.Module) -> Iterator[str]:
    """What in a module does I/O or reads a clock, as `line: what`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] in IMPURE_MODULES:
                        yield f"{node.lineno}: import {alias.name}"
            case ast.ImportFrom(module=str(module), names=names, level=0):
                if module.split(".")[0] in IMPURE_MODULES:
                    yield f"{node.lineno}: from {module} import"
                if module == "os" and {alias.name for alias in names} != {"urandom"}:
                    yield f"{node.lineno}: from os import more than urandom"
            case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute != "urandom":
                yield f"{node.lineno}: os.{attribute}"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{node.lineno}: {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_METHODS:
                yield f"{node.lineno}: .{name}()"


def project() -> dict[str, object]:
    loaded: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return loaded


def scripts() -> dict[str, str]:
    found = project()["scripts"]
    assert isinstance(found, dict)
    return found


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, flags=re.MULTILINE))


def code_in(markdown: str) -> str:
    """The fenced blocks and code spans of a document, one a line."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"`([^`\n]+)`", rest)])


def documents() -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts() if name.endswith(".md")]


def locked(name: str) -> dict[str, tuple[str, str]]:
    """Distribution -> (pinned version, its whole entry) of a lock."""
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    found = {}
    for entry in filter(str.strip, entries):
        match = re.match(r"([a-z0-9.-]+)==([^\s;]+)", entry)
        assert match, f"{name}: not a pinned requirement: {entry[:60]!r}"
        found[match[1]] = (match[2], entry)
    return found


LOCKS = [
    "base.txt",
    "build.txt",
    "dev.txt",
    "mutants.txt",
    "near-build.txt",
    "near.txt",
    "plot.txt",
    "relay.txt",
]


def test_no_file_names_a_package_registrys_host() -> None:
    assert [
        (name, host) for name, text in texts() for host in REGISTRY_HOSTS if host in text.lower()
    ] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert [(name, path) for name, text in texts() for path in MACHINE_PATHS if path in text] == []


def test_nothing_is_left_for_later() -> None:
    suffixes = (".py", ".ts", ".tsx", ".sh", ".sql", "Makefile", "Dockerfile", ".ci/run")
    assert [
        (name, found[0])
        for name, text in texts()
        if name.endswith(suffixes) and (found := UNFINISHED.search(text))
    ] == []


def test_every_python_file_opens_with_its_law() -> None:
    python = [path for path in tracked() if path.suffix == ".py"]
    assert python
    assert [named(path) for path in python if not ast.get_docstring(parsed(path))] == []


def test_modules_are_named_for_what_they_own() -> None:
    modules = [path for package in PACKAGES for path in sources(package)]
    assert [named(path) for path in modules if path.stem.strip("_") in VAGUE_NAMES] == []


def test_no_python_file_lies_loose_beside_its_package() -> None:
    assert [
        named(path) for folder in PACKAGES.values() for path in folder.parent.glob("*.py")
    ] == []


def test_every_package_says_that_it_is_typed() -> None:
    assert [name for name, folder in PACKAGES.items() if not (folder / "py.typed").is_file()] == []


def test_the_protocol_does_no_io_and_reads_no_clock() -> None:
    assert [
        f"{named(path)}:{found}"
        for path in sources("qanat_protocol")
        for found in impurities(parsed(path))
    ] == []


def test_the_search_for_io_finds_each_kind_of_it() -> None:
    kinds = [
        "import asyncio",
        "import socket as s",
        "from time import time",
        "from pathlib import Path",
        "from os import path",
        "os.remove('x')",
        "open('x')",
        "print(1)",
        "datetime.now(UTC)",
        "date.today()",
        "def f():\n    import sqlite3",
    ]
    assert [kind for kind in kinds if not list(impurities(ast.parse(kind)))] == []
    pure = "import os, secrets\nfrom datetime import date\nos.urandom(3)\ndate(2022, 1, 5)"
    assert list(impurities(ast.parse(pure))) == []


def test_packages_depend_downwards_only() -> None:
    may_use = {
        "qanat_protocol": {"qanat_protocol"},
        "qanat_relay": {"qanat_protocol", "qanat_relay"},
        "qanat_client": {"qanat_protocol", "qanat_client"},
        "qanat_simulation": set(PACKAGES),
    }
    # A relay that calls a peer travels as everybody does, and gives out the same web app.
    may_use_modules = {
        "qanat_relay": ("qanat_client.carriers.", "qanat_client.errors", "qanat_client.web_app.")
    }
    assert [
        f"{named(path)} imports {module}"
        for package, allowed in may_use.items()
        for path in sources(package)
        for module, _ in imports(package, path)
        if module.split(".")[0] in PACKAGES.keys() - allowed
        and not module.startswith(may_use_modules.get(package, ()))
    ] == []


def import_graph(package: str) -> dict[str, set[str]]:
    modules = {dotted(package, path): path for path in sources(package)}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        used = set()
        for source, name in imports(package, path):
            target = f"{source}.{name}" if name else source
            used.add(target if target in modules else source)
        graph[module] = (used & modules.keys()) - {module}
    return graph


def cycle_in(graph: dict[str, set[str]]) -> set[str]:
    """The modules that import each other in a ring, or that use such a ring; empty if none."""
    left = {module: set(used) for module, used in graph.items()}
    while done := {module for module, used in left.items() if not used}:
        left = {module: used - done for module, used in left.items() if module not in done}
    return set(left)


def test_no_modules_import_each_other_in_a_ring() -> None:
    rings = {package: cycle_in(import_graph(package)) for package in PACKAGES}
    assert not any(rings.values()), rings


def test_the_search_for_rings_finds_one() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"a", "b", "c"}


def test_every_console_script_leads_to_a_function() -> None:
    for target in scripts().values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), target


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for name, text in documents():
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(\s*<?([^)>\s]+)", prose):
            target = link.partition("#")[0]
            if re.match(r"[a-z][a-z0-9+.-]*:", link) or not target:
                continue
            if not ((ROOT / name).parent / target).exists():
                broken.append((name, link))
    assert broken == []


def test_every_make_target_in_a_document_exists() -> None:
    wrong = []
    for name, text in documents():
        for target in re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)", code_in(text), re.MULTILINE):
            if target not in make_targets():
                wrong.append((name, target))
    assert wrong == []
    assert {"demo", "test", "lint", "bench", "soak"} <= make_targets()


def test_every_command_in_a_document_exists() -> None:
    wrong = []
    for name, text in documents():
        for command in re.findall(
            r"^\s*(?:\$ )?(?:\.venv/bin/)?(qanat(?:-[a-z]+)?) ", code_in(text), re.MULTILINE
        ):
            if command not in scripts():
                wrong.append((name, command))
    assert wrong == []


Reference = tuple[str, str]


def named_tests_in(block: str) -> list[Reference]:
    """(path under tests/, function) of each test that a row or a point names, in its order."""
    found = []
    path = ""
    for given, name in re.findall(r"`([\w/]+\.py)?::(\w+)`", block):
        path = given or path
        found.append((path, name))
    return found


def threat_model() -> str:
    return (ROOT / "docs" / "threat-model.md").read_text()


def promises() -> list[str]:
    """The rows of the table and the points of the lists, each in one line."""
    parts = re.split(r"^(?=\| \*\*|- )|\n\n", threat_model(), flags=re.MULTILINE)
    return [" ".join(part.split()) for part in parts if part.startswith(("| **", "- "))]


def attacks() -> dict[Reference, str]:
    """Every test of tests/attackers and the promise that it bears, in the words of its marker."""
    found = {}
    for path in tracked():
        if path.parent != ROOT / "tests" / "attackers" or not path.name.startswith("test_"):
            continue
        texts_by_name = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in parsed(path).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if not node.name.startswith("test_"):
                    continue
                marks = re.findall(
                    r"^pytest\.mark\.promise\((.*)\)$",
                    "\n".join(map(ast.unparse, node.decorator_list)),
                    flags=re.MULTILINE,
                )
                words = [texts_by_name.get(mark) or ast.literal_eval(mark) for mark in marks]
                found[f"attackers/{path.name}", node.name] = "".join(words)
    return found


def test_every_promise_names_a_test_that_exists() -> None:
    rows = [block for block in promises() if block.startswith("| **")]
    assert len(rows) >= 14
    assert [row for row in rows if not named_tests_in(row)] == []
    missing = [
        (path, name)
        for block in promises()
        for path, name in named_tests_in(block)
        if not re.search(
            rf"^(async )?def {name}\(", (ROOT / "tests" / path).read_text(), flags=re.MULTILINE
        )
    ]
    assert missing == []


def test_every_attacker_stands_beside_the_promise_that_it_is_to_break() -> None:
    found = attacks()
    assert len(found) >= 40
    elsewhere = [
        test
        for test, words in found.items()
        if not words
        or not any(words in block and test in named_tests_in(block) for block in promises())
    ]
    assert elsewhere == []


def typescript() -> list[tuple[str, str]]:
    """(name, content) of every TypeScript file."""
    return [(name, text) for name, text in texts() if name.endswith((".ts", ".tsx"))]


def test_every_typescript_file_opens_with_its_law_and_owns_one_thing() -> None:
    assert len(typescript()) >= 50
    assert [name for name, text in typescript() if not text.startswith("/**")] == []
    assert [name for name, text in typescript() if text.count("\n") > MAX_TYPESCRIPT_LINES] == []
    stems = [Path(name).name.partition(".")[0].lower() for name, _ in typescript()]
    assert VAGUE_NAMES & set(stems) == set()


def test_the_search_for_io_in_typescript_finds_each_kind_of_it() -> None:
    kinds = [
        "new Date()", "Date.now()", "await fetch(url)", "new WebSocket(url)", "process.exit()",
        "console.log(1)", "document.title", "localStorage.clear()", "Math.random()",
    ]  # fmt: skip
    assert [kind for kind in kinds if not IMPURE_IN_A_BROWSER.search(kind)] == []
    assert not IMPURE_IN_A_BROWSER.search("update(document); crypto.getRandomValues(data)")


def test_the_protocol_in_typescript_does_no_io_and_reads_no_clock() -> None:
    core = [(name, text) for name, text in typescript() if name.startswith(WEB + "/src/protocol/")]
    assert len(core) >= 40
    code = [(name, re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)) for name, text in core]
    assert [
        (name, found[0]) for name, text in code if (found := IMPURE_IN_A_BROWSER.search(text))
    ] == []
    libraries = set(json.loads((ROOT / WEB / "package.json").read_text())["dependencies"])
    foreign = [
        (name, module)
        for name, text in code
        for module in re.findall(r"""\bfrom ["']([^"']+)["']""", text)
        if not module.startswith("./") and not module.startswith(tuple(libraries))
    ]
    assert foreign == []


def test_what_the_web_app_is_made_of_is_pinned_and_comes_from_no_named_place() -> None:
    package = json.loads((ROOT / WEB / "package.json").read_text())
    lock = json.loads((ROOT / WEB / "package-lock.json").read_text())
    asked = {**package["dependencies"], **package["devDependencies"]}
    assert [name for name, version in asked.items() if not re.fullmatch(r"[0-9.]+", version)] == []
    locked_packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in locked_packages.items() if "resolved" in entry] == []
    assert [name for name, entry in locked_packages.items() if "integrity" not in entry] == []
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in asked} == asked


def test_every_lock_has_hashes_and_no_addresses() -> None:
    for name in LOCKS:
        text = (ROOT / "requirements" / name).read_text()
        assert "://" not in text, name
        assert not re.search(r"^-|\s@\s", text, flags=re.MULTILINE), name
        without = [key for key, (_, entry) in locked(name).items() if "--hash=sha256:" not in entry]
        assert (name, without) == (name, [])


def test_the_locks_agree_with_each_other() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCKS:
        for distribution, (version, _) in locked(name).items():
            versions.setdefault(distribution, set()).add(version)
    assert {key: found for key, found in versions.items() if len(found) > 1} == {}


def test_the_locks_hold_what_the_project_asks_for() -> None:
    facts = project()
    extras = facts["optional-dependencies"]
    base = facts["dependencies"]
    assert isinstance(extras, dict)
    assert isinstance(base, list)
    asked = {
        "base.txt": base,
        "relay.txt": [*base, *extras["relay"]],
        "near.txt": [*base, *extras["near"]],
        "plot.txt": [*base, *extras["plot"]],
        "dev.txt": [
            *base,
            *(
                line
                for name, extra in extras.items()
                if name not in ("near", "plot")
                for line in extra
            ),
        ],
    }
    for name, lines in asked.items():
        pins = locked(name)
        for requirement in map(Requirement, lines):
            version, _ = pins[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{name}: {requirement} got {version}"


def test_the_version_is_the_one_that_the_changelog_ends_at() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[([^\]]+)\]", changelog, flags=re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[:1] in ([], [project()["version"]])
    assert headings, "CHANGELOG.md has no heading for a version"


def test_what_a_reporter_runs_needs_no_numpy() -> None:
    needs = {"numpy"}
    while found := {
        module
        for package in PACKAGES
        for path in sources(package)
        if (module := dotted(package, path)) not in needs
        and any(name in needs for name, _ in imports(package, path))
    }:
        needs |= found
    assert "qanat_protocol.sketch" in needs
    desks = ("qanat_client.desk", "qanat_client.demo")
    reporters = {name for name in needs if name.startswith("qanat_client.")}
    assert all(name.startswith(desks) for name in reporters), reporters
