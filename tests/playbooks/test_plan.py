# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook plan, as a user runs it: real ansible-playbook, real inventories, exit codes, output, plan file."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from tests.forks.command_lines import call

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).resolve().parents[2]
GIB, MIB = 1024**3, 1024**2
FITS, REFUSED, UNREACHABLE = 0, 2, 4
FACTS: Json = {"memory": "32GiB", "chip": "Apple M4", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "400GiB"}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}


@dataclasses.dataclass(frozen=True)
class Run:
    """How ansible-playbook ended, what it printed, and the plan file if there is one."""

    code: int
    output: str
    plan: Json

    def checks(self) -> dict[str, list[str]]:
        """Mac -> the checks that refuse it, by the plan file."""
        return {name: [v["check"] for v in mac["violations"]] for name, mac in self.plan["macs"].items() if mac["violations"]}


def ansible(tmp_path: pathlib.Path, *arguments: str) -> Run:
    """Run ansible-playbook of this environment from the root of the repository."""
    plan_file = tmp_path / "plan.json"
    code, said = call("ansible-playbook", *arguments, "-e", f"mac_runners_plan_file={plan_file}", ANSIBLE_NOCOLOR="1")
    plan = json.loads(plan_file.read_text()) if plan_file.exists() else {}
    return Run(code, said, plan)


def plan(tmp_path: pathlib.Path, inventory: str | pathlib.Path, *arguments: str, **variables: t.Any) -> Run:
    """Plan an inventory (a name below inventories/ or a path), variables replaced with ``-e``."""
    path = ROOT / "inventories" / inventory if isinstance(inventory, str) else inventory
    extra = ["-e", json.dumps(variables)] if variables else []
    return ansible(tmp_path, "action_packer.mac_runners.plan", "-i", str(path), *extra, *arguments)


def inventory_of(tmp_path: pathlib.Path, hosts: Json, **variables: t.Any) -> pathlib.Path:
    """An inventory whose group macs has these hosts."""
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"macs": {"hosts": hosts, "vars": variables}}))
    return path


def tart(count: int, memory: str | int) -> Json:
    return {"name": "ios", "isolation": "tart", "guest": "macos", "count": count, "memory": memory, "image": "acme/macos:26"}


def docker(count: int, memory: str) -> Json:
    return {"name": "linux", "isolation": "docker", "count": count, "memory": memory, "image": "acme/linux:1"}


def sandbox(count: int, memory: str, trust: str = "trusted") -> Json:
    return {"name": "lint", "isolation": "sandbox", "count": count, "memory": memory, "trust": trust}


# --- the sizing guide -------------------------------------------------------------------------

#: Inventory, pools in place of its own (None: its own), bytes that are left.
ACCEPTED: tuple[tuple[str, list[Json] | None, int], ...] = (
    ("mac-mini-32-tart", None, 0),
    ("mac-mini-32-tart", [tart(2, 12 * GIB)], 0),
    ("mac-mini-32-tart", [tart(2, "8GiB")], 8 * GIB),
    ("mac-mini-32-docker", None, 0),
    ("mac-mini-32-docker", [docker(8, "2GiB")], 2 * GIB),
    ("mac-studio-64-mixed", None, 0),
    ("mac-mini-24-sandbox", None, 0),
    ("mac-mini-24-sandbox", [sandbox(15, "1.2GiB")], 18 * GIB - 15 * 1_288_490_188),
)


@pytest.mark.parametrize(("inventory", "pools", "left"), ACCEPTED)
def test_a_scenario_that_fits(tmp_path: pathlib.Path, inventory: str, pools: list[Json] | None, left: int) -> None:
    run = plan(tmp_path, inventory, **({"mac_runners_pools": pools} if pools else {}))
    assert run.code == FITS, run.output
    assert (run.plan["fits"], run.checks()) == (True, {})
    assert [mac["free"] for mac in run.plan["macs"].values()] == [left]
    assert "changed=0" in run.output


#: Inventory, pools, the only check that refuses, a line of the smallest change.
TOO_MUCH: tuple[tuple[str, list[Json], str, str], ...] = (
    ("mac-mini-32-tart", [tart(2, 12 * GIB + MIB)], "memory", "pool ios: memory 12.001 GiB (12289 MiB) -> 12 GiB"),
    ("mac-mini-32-tart", [tart(3, "8GiB")], "macos-vm-licence", "pool ios: count 3 -> 2"),
    ("mac-mini-32-docker", [docker(7, "3GiB")], "memory", "pool linux: memory 3 GiB -> 2.571 GiB"),
    ("mac-studio-64-mixed", [tart(2, "16GiB"), docker(5, "3GiB")], "memory", "pool ios: memory 16 GiB -> 14.5 GiB"),
    ("mac-mini-24-sandbox", [sandbox(13, "1.5GiB")], "memory", "pool lint: memory 1.5 GiB -> 1.385 GiB"),
    ("mac-mini-24-sandbox", [sandbox(12, "1.5GiB", "untrusted")], "trust", "pool lint: count 12 -> 0 (remove the pool)"),
)


@pytest.mark.parametrize(("inventory", "pools", "check", "change"), TOO_MUCH)
def test_a_scenario_one_step_further_is_refused(tmp_path: pathlib.Path, inventory: str, pools: list[Json], check: str, change: str) -> None:
    run = plan(tmp_path, inventory, mac_runners_pools=pools)
    assert run.code == REFUSED
    assert run.plan["fits"] is False
    assert list(run.checks().values()) == [[check]]
    assert f"  {check}: " in run.output and change in run.output
    assert "The plan is refused, nothing was changed on any Mac." in run.output


def test_a_third_macos_vm_is_refused_however_much_memory_there_is(tmp_path: pathlib.Path) -> None:
    facts = {"memory": "512GiB", "chip": "Apple M3 Ultra", "cores": 32, "macos": "26.1", "disk_free": "4TiB"}
    run = plan(tmp_path, "mac-studio-64-mixed", mac_runners_facts=facts, mac_runners_pools=[tart(3, "16GiB"), docker(4, "3GiB")])
    assert (run.code, run.checks()) == (REFUSED, {"mac-studio-1": ["macos-vm-licence"]})


def test_the_examples(tmp_path: pathlib.Path) -> None:
    assert plan(tmp_path, "example").code == FITS
    run = plan(tmp_path, "refused")
    assert (run.code, len(run.plan["macs"]), len(run.checks())) == (REFUSED, 3, 3)
    for name, checks in run.checks().items():
        assert f"{name} is refused:\n" in run.output
        assert all(f"  {check}: " in run.output for check in checks)


# --- how it ends -------------------------------------------------------------------------------


def test_an_inventory_without_macs_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text("others: {hosts: {a: }}\n")
    for arguments in ((), ("-e", "mac_runners_group=studio")):
        run = plan(tmp_path, tmp_path / "hosts.yml", *arguments)
        group = "studio" if arguments else "macs"
        assert (run.code, run.plan) == (REFUSED, {})
        assert f"The inventory has no host in the group {group}" in run.output


def test_another_group_may_hold_the_macs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text(json.dumps({"studio": {"hosts": {"a": {"mac_runners_facts": FACTS, "mac_runners_pools": [LINT]}}}}))
    run = plan(tmp_path, tmp_path / "hosts.yml", "-e", "mac_runners_group=studio")
    assert (run.code, list(run.plan["macs"])) == (FITS, ["a"])


def test_an_unreachable_mac_is_left_out_and_makes_the_exit_code(tmp_path: pathlib.Path) -> None:
    """Nothing listens on port 1."""
    hosts = {"here": {"mac_runners_facts": FACTS}, "gone": {"ansible_host": "127.0.0.1", "ansible_port": 1}}
    inventory = inventory_of(tmp_path, hosts, mac_runners_pools=[LINT])
    run = plan(tmp_path, inventory)
    assert run.code == UNREACHABLE, run.output
    assert (run.plan["fits"], run.plan["macs"]["gone"]["unreachable"]) == (True, True)
    assert "NOT REACHED" in run.output and "1 not reached (gone)" not in run.output.split("PLAY RECAP")[1]
    run = plan(tmp_path, inventory, mac_runners_unreachable="refuse")
    assert (run.code, run.plan["fits"]) == (UNREACHABLE, False)
    assert "1 not reached (gone)" in run.output


def test_a_mac_that_answers_and_cannot_be_read_is_full(tmp_path: pathlib.Path) -> None:
    hosts = {"odd": {"ansible_connection": "local", "ansible_python_interpreter": "/nonexistent/python3", "ansible_become": False}}
    run = plan(tmp_path, inventory_of(tmp_path, hosts, mac_runners_pools=[LINT]))
    assert (run.code, run.checks()) == (REFUSED, {"odd": ["facts"]})
    assert "needs the playbook bootstrap first" in run.output


@pytest.mark.parametrize(
    "arguments",
    (["--check", "--diff"], ["--tags", "something"], ["--skip-tags", "something"], ["--start-at-task", "Judge the whole fleet"]),
)
def test_no_option_goes_round_the_verdict(tmp_path: pathlib.Path, arguments: list[str]) -> None:
    run = plan(tmp_path, "mac-mini-32-tart", *arguments, mac_runners_pools=[tart(3, "8GiB")])
    assert (run.code, run.checks()) == (REFUSED, {"mac-mini-1": ["macos-vm-licence"]})


def test_with_a_limit_the_others_still_count(tmp_path: pathlib.Path) -> None:
    hosts = {f"mac-{n}": {"mac_runners_facts": {**FACTS, "cores": 30, "tart": {"version": "2.30.0"}}} for n in range(4)}
    inventory = inventory_of(tmp_path, hosts, mac_runners_pools=[tart(1, "8GiB")])
    run = plan(tmp_path, inventory, "--limit", "mac-0,localhost")
    assert (run.code, run.checks()) == (REFUSED, {"mac-0": ["tart-licence"]})
    run = plan(tmp_path, inventory, "--limit", "mac-0,localhost", mac_runners_licences={"tart": {"host_cores": 120}})
    assert (run.code, list(run.plan["macs"])) == (FITS, ["mac-0"])


def test_a_plan_file_that_cannot_be_written_is_an_error(tmp_path: pathlib.Path) -> None:
    run = ansible(tmp_path / "missing", "action_packer.mac_runners.plan", "-i", str(ROOT / "inventories" / "example"))
    assert run.code == REFUSED
    assert f"the plan file {tmp_path}/missing/plan.json cannot be written: " in run.output


# --- where pools come from ------------------------------------------------------------------------


def test_pools_as_text_are_refused(tmp_path: pathlib.Path) -> None:
    """``-e name=value`` always gives text."""
    run = plan(tmp_path, "mac-mini-24-sandbox", "-e", "mac_runners_pools='[{name: a, isolation: sandbox, trust: trusted}]'")
    assert (run.code, run.checks()) == (REFUSED, {"mac-mini-1": ["input"]})
    assert 'field mac_runners_pools: got "[{name: a, isolation: sandbox, trust: trusted}]"; allowed: a list' in run.output


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("mac_runners_pools", [LINT]),
        ("mac_runners_capacity", {"reserve": 0}),
        ("mac_runners_licences", {"tart": {"host_cores": "unlimited"}}),
        ("mac_runners_facts", {"memory": "512GiB"}),
    ),
)
def test_variables_of_a_play_are_refused(tmp_path: pathlib.Path, name: str, value: t.Any) -> None:
    """The fleet is read host by host, where they are not seen."""
    play = {"hosts": "macs", "gather_facts": False, "vars": {name: value}, "roles": ["action_packer.mac_runners.capacity"]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    run = ansible(tmp_path, str(tmp_path / "play.yml"), "-i", str(ROOT / "inventories" / "mac-mini-32-tart"))
    assert (run.code, run.plan) == (REFUSED, {})
    assert f"{name} is set by the play or a role, where the plan of the whole fleet cannot see it" in run.output


def test_variables_of_the_inventory_may_be_templates(tmp_path: pathlib.Path) -> None:
    """Also on the Mac by whose variables the verdict's task itself is run."""
    variables = {
        "size": 2,
        "base": [LINT],
        "more": [{**LINT, "name": "more", "memory": "{{ size }}GiB", "count": "{{ size }}"}],
        "mac_runners_pools": "{{ base + more }}",
        "mac_runners_capacity": {"headroom": "{{ size }}GiB"},
        "mac_runners_facts": {**FACTS, "cores": "{{ size * 5 }}"},
    }
    run = plan(tmp_path, inventory_of(tmp_path, {"one": {}, "two": {}}, **variables))
    assert run.code == FITS, run.output
    assert [mac["free"] for mac in run.plan["macs"].values()] == [(32 - 6 - 2) * GIB - 3 * GIB // 2 - 2 * 2 * GIB] * 2


def test_a_template_of_a_play_is_refused(tmp_path: pathlib.Path) -> None:
    play = {"hosts": "macs", "gather_facts": False, "vars": {"mac_runners_capacity": {"reserve": "{{ 0 }}"}}, "roles": ["action_packer.mac_runners.capacity"]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    run = ansible(tmp_path, str(tmp_path / "play.yml"), "-i", str(ROOT / "inventories" / "mac-mini-32-tart"))
    assert (run.code, run.plan) == (REFUSED, {})
    assert "mac_runners_capacity is set by the play or a role" in run.output


def test_the_role_works_alone(tmp_path: pathlib.Path) -> None:
    play = {"hosts": "macs", "gather_facts": False, "roles": ["action_packer.mac_runners.capacity"]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    run = ansible(tmp_path, str(tmp_path / "play.yml"), "-i", str(ROOT / "inventories" / "mac-mini-32-tart"))
    assert (run.code, run.plan["fits"]) == (FITS, True)


def test_the_role_alone_knows_the_fleet_by_its_group(tmp_path: pathlib.Path) -> None:
    """The Macs that are not part of the run count for the licence of the fleet, in the group that the inventory names."""
    variables: Json = {"mac_runners_group": "fleet", "mac_runners_pools": [tart(1, "8GiB")]}
    variables["mac_runners_facts"] = {**FACTS, "cores": 30, "tart": {"version": "2.30.0"}}
    (tmp_path / "hosts.yml").write_text(json.dumps({"fleet": {"hosts": {f"mac-{n}": {} for n in range(4)}, "vars": variables}}))
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "mac-0", "gather_facts": False, "roles": ["action_packer.mac_runners.capacity"]}]))
    run = ansible(tmp_path, str(tmp_path / "play.yml"), "-i", str(tmp_path / "hosts.yml"))
    assert (run.code, run.checks()) == (REFUSED, {"mac-0": ["tart-licence"]})


def test_the_order_of_the_inventory_is_kept_and_decides_who_has_a_name(tmp_path: pathlib.Path) -> None:
    names = [*(f"mac-{n}" for n in (3, 1, 4, 15, 9, 2, 6, 5)), "zoo-b", "zoo"]
    hosts: Json = {name: {"mac_runners_pools": [LINT]} for name in names}
    hosts["zoo-b"] = {"mac_runners_pools": [{**LINT, "name": "c"}]}
    hosts["zoo"] = {"mac_runners_pools": [{**LINT, "name": "b-c"}]}
    run = plan(tmp_path, inventory_of(tmp_path, hosts, mac_runners_facts=FACTS))
    assert (run.code, run.checks(), list(run.plan["macs"])) == (REFUSED, {"zoo": ["names"]}, names)
    table = [line.split()[0] for line in run.output.split("WHY\n")[1].split("\n\n")[0].splitlines()]
    assert table == names


def test_an_undefined_variable_is_no_traceback(tmp_path: pathlib.Path) -> None:
    hosts = {"good": {}, "odd": {"mac_runners_pools": [{**LINT, "count": "{{ nope }}"}]}}
    run = plan(tmp_path, inventory_of(tmp_path, hosts, mac_runners_facts=FACTS, mac_runners_pools=[LINT]))
    assert (run.code, run.plan) == (REFUSED, {})
    assert "'nope' is undefined" in run.output and "odd" in run.output.split("PLAY RECAP")[0]
    assert "Traceback" not in run.output


# --- a large fleet ------------------------------------------------------------------------------------


def test_two_hundred_macs_of_which_one_is_a_mebibyte_over(tmp_path: pathlib.Path) -> None:
    hosts: Json = {f"mac-{n:03}": {} for n in range(200)}
    variables: Json = {"mac_runners_facts": FACTS, "mac_runners_pools": [tart(2, "12GiB")]}
    assert plan(tmp_path, inventory_of(tmp_path, hosts, **variables)).code == FITS
    hosts["mac-123"] = {"mac_runners_pools": [tart(2, 12 * GIB + MIB // 2)]}
    run = plan(tmp_path, inventory_of(tmp_path, hosts, **variables))
    assert (run.code, run.checks(), len(run.plan["macs"])) == (REFUSED, {"mac-123": ["memory"]}, 200)
    violation = run.plan["macs"]["mac-123"]["violations"][0]
    assert violation["need"] - violation["have"] == MIB
    assert "200 Macs: 199 fit, 1 refused." in run.output
    assert run.output.count("is refused:") <= 2


# --- bad input -----------------------------------------------------------------------------------------

BAD: tuple[tuple[Json, str, str], ...] = (
    ({"mac_runners_pools": [{**LINT, "memory": "12G"}]}, "input", 'pool "lint", field memory: got "12G"; allowed: a size such as 12GiB'),
    ({"mac_runners_pools": [{**LINT, "isolation": "dokcer"}]}, "input", "sandbox, account, chroot; did you mean docker?"),
    ({"mac_runners_pools": [LINT, LINT]}, "names", 'pool "lint", field name: got "lint"; allowed: a name that no other pool of the Mac has'),
    ({"mac_runners_pools": [{**docker(1, "2GiB"), "guest": "macos"}]}, "input", 'pool "linux", field guest: got "macos"; allowed: one of linux'),
    ({"mac_runners_facts": {"memory": [32]}}, "input", "field mac_runners_facts.memory: got [32]; allowed: a size such as 12GiB"),
    ({"mac_runners_pools": "{{ '[]' }}"}, "input", 'field mac_runners_pools: got "[]"; allowed: a list'),
    ({"mac_runners_capacity": {"headrom": "1GiB"}}, "input", "field mac_runners_capacity.headrom: got an unknown field; allowed: "),
)


@pytest.mark.parametrize(("variables", "check", "message"), BAD)
def test_bad_input_names_mac_pool_field_given_and_allowed(tmp_path: pathlib.Path, variables: Json, check: str, message: str) -> None:
    inventory = inventory_of(tmp_path, {"good": {}, "odd": variables}, mac_runners_facts=FACTS, mac_runners_pools=[LINT])
    run = plan(tmp_path, inventory)
    assert run.code == REFUSED
    assert check in run.checks()["odd"] and list(run.checks()) == ["odd"]
    refusal = run.output.split("odd is refused:\n")[1]
    assert f"  {check}: " in refusal and message in refusal
    assert "Traceback" not in run.output
