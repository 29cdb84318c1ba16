"""Tests that pyproject.toml declares every package that the product imports."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from orchestration.resources import PROJECT_ROOT

PYPROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PYPROJECT["optional-dependencies"]

LOCAL_SERVICES = "orchestration/local/"
"""The folder whose modules may import packages of the extra `local`."""


def imported_packages(path: Path) -> Iterator[str]:
    """Yield the top-level name of each import, also of those inside functions.

    Imports for the type checker are left out: an installed product does not run them.
    """
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        pending += ast.iter_child_nodes(node)


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: list[str]) -> set[str]:
    """Return the normalized names of distributions in a list of requirements."""
    return {normalize(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in requirements}


def third_party_imports() -> dict[str, set[str]]:
    """Return the modules of the product that import each third-party package."""
    users: dict[str, set[str]] = {}
    for path in (PROJECT_ROOT / "orchestration").rglob("*.py"):
        for package in imported_packages(path):
            if package not in sys.stdlib_module_names and package != "orchestration":
                users.setdefault(package, set()).add(path.relative_to(PROJECT_ROOT).as_posix())
    return users


IMPORTS = third_party_imports()


@pytest.mark.parametrize("package", sorted(IMPORTS))
def test_every_imported_package_is_declared(package):
    distributions = {normalize(name) for name in packages_distributions()[package]}
    declared = names_of(PYPROJECT["dependencies"])
    if all(user.startswith(LOCAL_SERVICES) for user in IMPORTS[package]):
        declared |= names_of(EXTRAS["local"])
    assert distributions & declared, f"{package} is imported by {sorted(IMPORTS[package])}"


def test_the_extras_are_those_of_the_documentation():
    assert set(EXTRAS) == {"local", "dev", "bench", "browser", "docs"}


def test_constraints_pin_every_declared_package():
    pinned = names_of((PROJECT_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    wanted = names_of(PYPROJECT["dependencies"]).union(*map(names_of, EXTRAS.values()))
    assert wanted - pinned == set()
