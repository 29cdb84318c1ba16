"""The tree of exceptions in `orchestration.errors` is complete."""

import ast
import re
from pathlib import Path

from orchestration import errors

PACKAGE = Path(errors.__file__).parent


def find_exceptions():
    """Return the parent of each exception of the product, by name."""
    classes = {
        node.name: base.id
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for base in node.bases[:1]
        if isinstance(base, ast.Name)
    }
    parents = {"DynamicsError": "Exception"}
    while new := {
        name: parent for name, parent in classes.items() if parent in parents and name not in parents
    }:
        parents |= new
    return parents


def test_the_tree_has_every_exception_below_its_parent():
    levels = ["Exception"]
    drawn = {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"    ((?:│   |├── |└── )*)([A-Z]\w+) {2}", line)
        if match:
            depth = len(match[1]) // 4 + 1
            drawn[match[2]] = levels[depth - 1]
            levels[depth:] = [match[2]]
    assert drawn == find_exceptions()
