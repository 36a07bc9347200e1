"""The mutants of a module of the protocol: what mutmut makes, without those that change only words.

mutmut writes every mutant of a function beside the function itself, and a switch in front of both;
which of them runs is told by an environment variable, so one process can become any mutant.
"""

import ast
import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

import libcst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.file_mutation import (
    Mutation,
    combine_mutations_to_source,
    create_mutations,
    group_by_top_level_node,
)
from mutmut.mutation.trampoline_templates import mangle_function_name

PACKAGE = "qanat_protocol"
SOURCES = Path(__file__).parents[2] / "protocol" / PACKAGE

__all__ = ["PACKAGE", "SOURCES", "Mutant", "MutatedModule", "all_modules", "mutate"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function.

    `switch` is what the environment variable has to say; `first_line` to `last_line` are those of
    the changed statement, `function_lines` those of its function, both in the mutated module.
    """

    module: str
    function: str
    before: str
    after: str
    switch: str
    first_line: int
    last_line: int
    function_lines: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MutatedModule:
    """A module with all of its mutants in it, compiled. `filename` marks its lines in a trace."""

    name: str
    path: Path
    filename: str
    code: CodeType
    mutants: tuple[Mutant, ...]


def all_modules() -> list[str]:
    """The names of the protocol's modules, without the package's."""
    return sorted(path.stem for path in SOURCES.glob("*.py") if path.stem != "__init__")


def mutate(module: str) -> MutatedModule:
    """A module of the protocol, by its name without the package's."""
    path = SOURCES / f"{module}.py"
    source = path.read_text(encoding="utf-8")
    tree, made, ignored_classes, ignored_functions = create_mutations(str(path), source)
    places = _Places(tree)
    kept = [mutation for mutation in made if places.counts(mutation)]
    mutated = combine_mutations_to_source(tree, kept, ignored_classes, ignored_functions)
    filename = f"{path}#mutants"
    lines = mutated.code.splitlines()
    starts = _function_starts(mutated.code)
    mutants = []
    told: Counter[tuple[str, str, str]] = Counter()
    for mangled, qualified, function, mutations in _by_function(tree, kept):
        original = f"{mangled}__mutmut_orig"
        spans = mutated.line_span_by_function_name
        first, last = spans[original].start, spans[original].end
        text = _plain(lines[first - 1 : last], original)
        shift = starts[original] - places.line_of(function)
        for number, mutation in enumerate(mutations, 1):
            name = f"{mangled}__mutmut_{number}"
            changed = _plain(lines[spans[name].start - 1 : spans[name].end], name)
            before, after = _difference(text, changed)
            # The same line may stand in a function twice.
            told[qualified, before, after] += 1
            if (nth := told[qualified, before, after]) > 1:
                before = f"{before} ({nth})"
            begin, end = places.statement_lines(mutation.original_node)
            mutants.append(
                Mutant(
                    module,
                    qualified,
                    before,
                    after,
                    f"{PACKAGE}.{module}.{name}",
                    begin + shift,
                    end + shift,
                    (first, last),
                )
            )
    made_names = [mutant.switch.rpartition(".")[2] for mutant in mutants]
    if made_names != list(mutated.mutant_names):
        raise RuntimeError(f"{module}: mutmut names its mutants otherwise than this program")
    compiled = compile(mutated.code, filename, "exec", dont_inherit=True)
    return MutatedModule(f"{PACKAGE}.{module}", path, filename, compiled, tuple(mutants))


def _by_function(
    tree: libcst.Module, mutations: list[Mutation]
) -> Iterator[tuple[str, str, libcst.FunctionDef, list[Mutation]]]:
    """(mangled name, qualified name, function, its mutations), in the order of the module."""
    grouped: Mapping[libcst.CSTNode, Sequence[Mutation]] = group_by_top_level_node(mutations)
    for statement in tree.body:
        if isinstance(statement, libcst.FunctionDef):
            within, functions = None, [statement]
        elif isinstance(statement, libcst.ClassDef):
            within = statement.name.value
            inner = statement.body.body
            functions = [node for node in inner if isinstance(node, libcst.FunctionDef)]
        else:
            continue
        for function in functions:
            if mine := grouped.get(function):
                name = function.name.value
                mangled = mangle_function_name(name=name, class_name=within)
                yield mangled, f"{within}.{name}" if within else name, function, list(mine)


def _function_starts(code: str) -> dict[str, int]:
    """The line of each function's `def`."""
    return {
        node.name: node.lineno
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef)
    }


def _plain(lines: list[str], name: str) -> list[str]:
    """The lines of a generated function, without the name that mutmut gave it."""
    return [line.replace(name, "function").strip() for line in lines]


def _difference(before: list[str], after: list[str]) -> tuple[str, str]:
    """What was taken away and what was put there, without the lines that are the same."""
    changes = list(difflib.ndiff(before, after))
    gone = " ".join(line[2:] for line in changes if line.startswith("- "))
    put = " ".join(line[2:] for line in changes if line.startswith("+ "))
    return gone, put


@cache
def _error_names() -> frozenset[str]:
    tree = ast.parse((SOURCES / "errors.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.ClassDef))


class _Places:
    """Where the nodes of a module stand."""

    def __init__(self, tree: libcst.Module) -> None:
        wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
        self._positions = wrapper.resolve(PositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)

    def line_of(self, node: libcst.CSTNode) -> int:
        line: int = self._positions[node].start.line
        return line

    def statement_lines(self, node: libcst.CSTNode) -> tuple[int, int]:
        """First and last line of the statement that a node stands in."""
        statements = libcst.SimpleStatementLine | libcst.BaseCompoundStatement
        while not isinstance(node, statements):
            node = self._parents[node]
        position = self._positions[node]
        return position.start.line, position.end.line

    def counts(self, mutation: Mutation) -> bool:
        """Whether a mutation is inside a function and changes more than the text of a message.

        Messages are for people: what an error says is no promise, which error it is, is one.
        """
        if mutation.contained_by_top_level_function is None:
            return False
        node: libcst.CSTNode = mutation.original_node
        if isinstance(node, libcst.Call) and self._makes_an_error(node):
            return _changes_a_keyword(node, mutation.mutated_node)
        while node is not mutation.contained_by_top_level_function:
            parent = self._parents[node]
            if isinstance(parent, libcst.Assert) and node is parent.msg:
                return False
            if (
                isinstance(node, libcst.Arg)
                and node.keyword is None
                and self._makes_an_error(parent)
            ):
                return False
            node = parent
        return True

    def _makes_an_error(self, node: libcst.CSTNode) -> bool:
        """Whether this is `Malformed(...)`, or `raise kind(...)` of a kind that is given."""
        if not isinstance(node, libcst.Call) or not isinstance(node.func, libcst.Name):
            return False
        raised = isinstance(self._parents[node], libcst.Raise)
        return raised or node.func.value in _error_names()


def _changes_a_keyword(before: libcst.Call, after: libcst.CSTNode) -> bool:
    kept = set(map(id, after.args)) if isinstance(after, libcst.Call) else set()
    return any(arg.keyword is not None for arg in before.args if id(arg) not in kept)
