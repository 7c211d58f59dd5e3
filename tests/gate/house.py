# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the rules of this repository that no linter knows. Prints each breach as PATH:LINE: what is wrong.

Rules: a licence header in each source file; thin modules, short and annotated functions, private module_utils, no __init__.py
below plugins; the action group in the documentation of every module; every playbook, role and module in the README. What roles
and the action group have to be is in tests/unit/test_role_interfaces.py.
--fix puts the missing headers in.
"""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE_LINES = 100
FUNCTION_LINES = 40
SOURCE_SUFFIXES = {".py", ".yml", ".yaml", ".sh", ".j2", ".toml", ".cfg"}
# Written or rewritten by a tool, which drops a header.
NO_HEADER = {"changelogs/changelog.yaml"}
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
HEADER = f"""# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# {LICENCE}

"""
DOCUMENTS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
FRAGMENT = "action_packer.mac_runners._attributes.actiongroup_mac_runners"

Breach = str
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[pathlib.Path]:
    """What git knows or would take, without links and what is gone from the working tree."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [pathlib.Path(name) for name in sorted(set(listed.split("\0"))) if name]
    return [path for path in paths if (ROOT / path).is_file() and not (ROOT / path).is_symlink()]


def text_of(path: pathlib.Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def without_header(paths: list[pathlib.Path]) -> Iterator[pathlib.Path]:
    for path in paths:
        start = text_of(path)[:1000]
        is_source = path.suffix in SOURCE_SUFFIXES or (not path.suffix and start.startswith("#!"))
        if is_source and start.strip() and str(path) not in NO_HEADER and LICENCE not in start:
            yield path


def missing_headers(paths: list[pathlib.Path]) -> Iterator[Breach]:
    for path in without_header(paths):
        yield f"{path}:1: no '{LICENCE}' in its first lines"


def add_headers(paths: list[pathlib.Path]) -> None:
    """Below a #! line, otherwise at the top; templates are left to their authors, whose comments differ."""
    for path in [path for path in without_header(paths) if path.suffix != ".j2"]:
        text = text_of(path)
        shebang, rest = text.split("\n", 1) if text.startswith("#!") else ("", text)
        (ROOT / path).write_text((shebang + "\n" if shebang else "") + HEADER + rest.lstrip("\n"), encoding="utf-8")


def plugin_trees(paths: list[pathlib.Path]) -> Iterator[tuple[pathlib.Path, ast.Module]]:
    for path in paths:
        if path.parts[0] == "plugins" and path.suffix == ".py":
            try:
                yield path, ast.parse(text_of(path))
            except SyntaxError as error:
                print(f"{path}:{error.lineno}: {error.msg}")


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_document(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id in DOCUMENTS for target in node.targets)


def code_lines(path: pathlib.Path, tree: ast.Module) -> int:
    """Lines that are neither empty, nor comment, nor documentation block."""
    documented = {line for node in tree.body if is_document(node) for line in range(node.lineno, node.lineno + lines_of(node))}
    numbered = enumerate(text_of(path).splitlines(), start=1)
    return sum(1 for number, line in numbered if number not in documented and line.strip() and not line.lstrip().startswith("#"))


def function_lines(function: Function) -> int:
    """Lines of a function without its docstring."""
    docstring = lines_of(function.body[0]) if ast.get_docstring(function, clean=False) is not None else 0
    return lines_of(function) - docstring


def missing_annotations(function: Function) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    bare = [one.arg for one in named if one.annotation is None and one.arg not in ("self", "cls")]
    return bare + (["return"] if function.returns is None else [])


def unhealthy_plugins(paths: list[pathlib.Path]) -> Iterator[Breach]:
    for path, tree in plugin_trees(paths):
        if path.name == "__init__.py" or path.name == "utils.py":
            yield f"{path}:1: no file of this name below plugins"
        if path.parts[1] == "module_utils" and not path.parts[2].startswith("_"):
            yield f"{path}:1: module_utils are private here: the name starts with an underscore"
        if path.parts[1] == "modules" and code_lines(path, tree) > MODULE_LINES:
            yield f"{path}:1: {code_lines(path, tree)} lines of code; a module has at most {MODULE_LINES}"
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if function_lines(node) > FUNCTION_LINES:
                    yield f"{path}:{node.lineno}: {node.name} has {function_lines(node)} lines; at most {FUNCTION_LINES}"
                if missing_annotations(node):
                    yield f"{path}:{node.lineno}: {node.name} lacks annotations: {', '.join(missing_annotations(node))}"


def modules_without_group(paths: list[pathlib.Path]) -> Iterator[Breach]:
    for path in paths:
        if path.parts[:2] == ("plugins", "modules") and path.suffix == ".py" and FRAGMENT not in text_of(path):
            yield f"{path}:1: its documentation does not name the fragment {FRAGMENT}"


def missing_in_readme(paths: list[pathlib.Path]) -> Iterator[Breach]:
    """The page that everybody reads first names every playbook, role and module."""
    readme = text_of(pathlib.Path("README.md"))
    files = {path.stem for path in paths if path.parts[:2] == ("plugins", "modules") or path.parts[:1] == ("playbooks",)}
    roles = {path.parts[1] for path in paths if path.parts[0] == "roles" and len(path.parts) > 2}
    for name in sorted(files | roles):
        if f"`{name}`" not in readme:
            yield f"README.md:1: it does not name {name}"


RULES = (missing_headers, unhealthy_plugins, modules_without_group, missing_in_readme)


def main(arguments: list[str]) -> int:
    paths = sources()
    if arguments == ["--fix"]:
        add_headers(paths)
    broken = 0
    for rule in RULES:
        breaches = list(rule(paths))
        print("\n".join(breaches), end="\n" if breaches else "")
        broken += bool(breaches)
    print(f"gate: {len(RULES) - broken} passed, {broken} failed, 0 skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
