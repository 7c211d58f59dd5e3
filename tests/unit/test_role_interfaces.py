# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every role says the same in its defaults and in its argument_specs; every module is in the action group."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from tests.unit.plugin_texts import texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
#: Type of an option -> what YAML gives for it.
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "raw": (object,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list": (list,),
    "dict": (dict,),
}
#: The user's own variables, which stand for the whole collection.
SHARED = "mac_runners_"


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def entry_points_of(role: str) -> dict[str, dict[str, t.Any]]:
    return load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]


def options_of(role: str) -> dict[str, dict[str, t.Any]]:
    """The options of all entry points; that those of one name agree has its own test."""
    return {name: option for entry in entry_points_of(role).values() for name, option in (entry.get("options") or {}).items()}


def defaults_of(role: str) -> dict[str, t.Any]:
    return load(ROOT / "roles" / role / "defaults" / "main.yml") or {}


def is_template(value: t.Any) -> bool:
    return isinstance(value, str) and "{{" in value


def flat(options: dict[str, dict[str, t.Any]], path: str = "") -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Every option, also those inside of others."""
    for name, option in options.items():
        yield path + name, option
        yield from flat(option.get("options") or {}, f"{path}{name}.")


def without_text(option: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: value for key, value in option.items() if key != "description"}


def test_there_are_roles_and_modules() -> None:
    assert "capacity" in ROLES and "fleet_plan" in MODULES


@pytest.mark.parametrize("role", ROLES)
def test_each_default_is_the_one_of_the_interface(role: str) -> None:
    options = options_of(role)
    stated = {name: option["default"] for name, option in options.items() if "default" in option}
    defaults = defaults_of(role)
    assert defaults.keys() <= options.keys()
    # A template may stand in the defaults alone: the specification then describes what it gives.
    assert {name: value for name, value in defaults.items() if name in stated or not is_template(value)} == stated


@pytest.mark.parametrize("role", ROLES)
def test_an_option_of_several_entry_points_is_one_option(role: str) -> None:
    options = options_of(role)
    for point, entry in entry_points_of(role).items():
        for name, option in (entry.get("options") or {}).items():
            assert without_text(option) == without_text(options[name]), f"{point}: {name}"


@pytest.mark.parametrize("role", ROLES)
def test_each_option_has_a_default_or_is_required_or_may_be_missing(role: str) -> None:
    for name, option in options_of(role).items():
        assert not ("default" in option and option.get("required")), name


@pytest.mark.parametrize("role", ROLES)
def test_each_option_is_typed_and_described(role: str) -> None:
    for name, option in flat(options_of(role)):
        assert option.get("type") in TYPES, name
        assert option.get("description"), name
        if option["type"] == "list":
            assert option.get("elements") in TYPES, name


@pytest.mark.parametrize("role", ROLES)
def test_each_default_has_the_type_and_is_a_choice(role: str) -> None:
    for name, option in flat(options_of(role)):
        if "default" not in option or is_template(option["default"]):
            continue
        default = option["default"]
        assert isinstance(default, TYPES[option["type"]]), name
        assert option["type"] == "bool" or not isinstance(default, bool), name
        if "choices" in option:
            assert set(default if option["type"] == "list" else [default]) <= set(option["choices"]), name


@pytest.mark.parametrize("role", ROLES)
def test_each_variable_begins_with_the_name_of_its_role(role: str) -> None:
    for name in {*options_of(role), *defaults_of(role), *(load(ROOT / "roles" / role / "vars" / "main.yml") or {})}:
        assert name.startswith((f"{role}_", f"__{role}_", SHARED)), name


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_sets_or_registers_begins_with_its_name(role: str) -> None:
    for path in sorted((ROOT / "roles" / role).glob("*/*.yml")):
        for name in re.findall(r"register: *(\w+)", path.read_text(encoding="utf-8")):
            assert name.startswith((f"{role}_", f"__{role}_")), f"{path}: {name}"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_described(role: str) -> None:
    entry_points = entry_points_of(role)
    assert "main" in entry_points
    for point, entry in entry_points.items():
        assert entry["short_description"] and entry["description"], point
        assert (ROOT / "roles" / role / "tasks" / f"{point}.yml").is_file(), point
    assert f"# {role}\n" in (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_in_the_action_group(module: str) -> None:
    groups = load(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert module in groups["mac_runners"]


def test_the_action_group_holds_modules_alone() -> None:
    groups = load(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert groups == {"mac_runners": MODULES}


def test_no_fact_is_called_as_a_variable_of_the_user() -> None:
    """Ansible makes a variable of each fact, and with a cache of facts also in plays that read none."""
    told = yaml.safe_load(texts(ROOT / "plugins" / "modules" / "mac_facts.py")["RETURN"])
    facts = set(told["ansible_facts"]["contains"])
    variables = set(re.findall(r"`(mac_runners_\w+)`", (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")))
    assert "mac_runners_pools" in variables and facts and not facts & variables


@pytest.mark.parametrize("role", ROLES)
def test_what_is_true_or_false_is_read_as_such_in_each_expression(role: str) -> None:
    """With ``-e NAME=false`` it is a text, and one that counts as true; what stands alone is for an argument, which reads it itself."""
    names = "|".join(name for name, option in options_of(role).items() if option["type"] == "bool") or "(?!)"
    asked = re.compile(rf"(?<!field )\b(?:{names})\b(?! \| bool)")
    alone = re.compile(rf'"\{{\{{ (?:{names}) \}}\}}"')
    files = sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))
    assert [(path.name, found.group()) for path in files for found in asked.finditer(alone.sub("", path.read_text(encoding="utf-8")))] == []
