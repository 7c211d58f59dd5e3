# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in the documentation of plugins give each module what it requires and nothing that it does not know."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.unit.plugin_texts import texts

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
NAME = "action_packer.mac_runners."
Options = t.Dict[str, t.Dict[str, t.Any]]


def fragment(name: str) -> Options:
    file, _dot, part = name[len(NAME) :].partition(".")
    return yaml.safe_load(texts(PLUGINS / "doc_fragments" / f"{file}.py")[part.upper() or "DOCUMENTATION"])["options"]


def options_of(module: str) -> Options:
    documentation = yaml.safe_load(texts(PLUGINS / "modules" / f"{module}.py")["DOCUMENTATION"])
    shared = [fragment(name) for name in documentation["extends_documentation_fragment"]]
    return {name: option for options in (*shared, documentation.get("options", {})) for name, option in options.items()}


def tasks() -> t.Iterator[tuple[str, str, dict[str, t.Any]]]:
    """Plugin, module, and the arguments of each task that uses a module of the collection."""
    for path in sorted([*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("filter/*.py")]):
        for task in yaml.safe_load(texts(path)["EXAMPLES"]):
            for action, arguments in task.items():
                if action.startswith(NAME):
                    yield path.stem, action[len(NAME) :], arguments or {}


def mistakes(given: dict[str, t.Any], options: Options, where: str) -> t.Iterator[str]:
    yield from (f"{where}{name} is no option" for name in given.keys() - options.keys())
    yield from (f"{where}{name} is required" for name, option in options.items() if option.get("required") and name not in given)
    for name, value in given.items():
        inner = options.get(name, {}).get("suboptions")
        for entry in (value if isinstance(value, list) else [value]) if inner else []:
            # What a template makes of it is not known here.
            yield from mistakes(entry, inner, f"{where}{name}.") if isinstance(entry, dict) else ()


@pytest.mark.parametrize("plugin, module, arguments", list(tasks()))
def test_an_example_can_be_run_as_it_is_shown(plugin: str, module: str, arguments: dict[str, t.Any]) -> None:
    assert list(mistakes(arguments, options_of(module), "")) == []


def test_every_module_has_an_example_of_itself() -> None:
    shown = {module for plugin, module, _arguments in tasks() if plugin == module}
    assert shown == {path.stem for path in PLUGINS.glob("modules/*.py")}
