# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of ``macsim``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from host import archive, boot, control, fault_profiles, inventory, profiles, snapshot
from host.layout import MacsimError, all_names, read_instance


def main(argv: list[str]) -> int:
    """Run one command; 0, or 1 with the reason on stderr."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except MacsimError as error:
        sys.stderr.write(f"macsim: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="macsim", description="Boots and drives simulated Macs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_boot(commands)
    one = {"metavar": "NAME"}
    command = _add(commands, "stop", _stop, "end a Mac and clear up")
    command.add_argument("name", nargs="?", **one)
    command.add_argument("--all", action="store_true")
    _add(commands, "list", _list, "the running Macs as JSON")
    command = _add(commands, "inventory", _inventory, "an Ansible inventory of the running Macs")
    command.add_argument("names", nargs="*", **one)
    for name, function, text in (
        ("calls", _calls, "all calls of stand-ins, JSON lines"), ("unexpected", _unexpected, "uses that no contract knows; exit 1 if there are any"),
        ("snapshot", _snapshot, "everything that matters, as stable JSON"), ("reboot", _reboot, "restart the Mac"),
    ):
        _add(commands, name, function, text).add_argument("name", **one)
    command = _add(commands, "fault", _fault, "order faults, instead of those that were ordered before")
    command.add_argument("name", **one)
    command.add_argument("faults", nargs="*", metavar="PROFILE|FILE.json")
    command.add_argument("--clear", action="store_true")
    _add(commands, "faults", _faults, "the profiles of faults")
    command = _add(commands, "set", _set, "change the description of a running Mac: KEY=JSON ...")
    command.add_argument("name", **one)
    command.add_argument("values", nargs="*", metavar="KEY=JSON")
    command = _add(commands, "exec", _exec, "run a command inside, as root")
    command.add_argument("name", **one)
    command.add_argument("command", nargs=argparse.REMAINDER, metavar="-- ARGV")
    command = _add(commands, "tart-archive", _tart_archive, "write a Tart release whose binary is the stand-in")
    command.add_argument("version")
    command.add_argument("output", metavar="OUT.tar.gz")
    return parser


def _add(commands, name: str, function, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=function)
    return command


def _add_boot(commands) -> None:
    command = _add(commands, "boot", _boot, "boot a Mac and print how to reach it")
    command.add_argument("name", metavar="NAME")
    command.add_argument("--profile", choices=sorted(profiles.PROFILES), default="macos26")
    command.add_argument("--memory", default="64GiB")
    command.add_argument("--cores", type=int, default=12)
    command.add_argument("--chip", default="Apple M2 Max")
    command.add_argument("--arch", choices=("arm64", "x86_64"), default="arm64")
    command.add_argument("--disk-free", default="400GiB")
    command.add_argument("--sip", choices=("enabled", "disabled", "custom"), default="enabled")
    command.add_argument("--port", type=int, default=0)
    command.add_argument("--docker-socket", metavar="PATH")
    command.add_argument("--docker-vm-memory", default="8GiB")
    command.add_argument("--docker-vm-cpus", type=int, default=4)
    command.add_argument("--bare", action="store_true", help="no Command Line Tools")
    command.add_argument("--seed", metavar="FILE.json")
    command.add_argument("--owner-pid", type=int)
    command.add_argument("--share", action="append", default=[], metavar="DIR", help="show a directory of the host, read-only, at the same path")
    command.add_argument("--time-scale", type=float, default=1.0, help="factor for launchd's throttle, 0.1 makes it ten times shorter")


def _boot(arguments: argparse.Namespace) -> int:
    mac = profiles.describe(
        arguments.name, arguments.profile, profiles.parse_size(arguments.memory), arguments.cores, arguments.chip, arguments.arch,
        profiles.parse_size(arguments.disk_free), arguments.sip, not arguments.bare, arguments.time_scale,
    )
    if arguments.docker_socket:
        mac["docker"] = {"memory": profiles.parse_size(arguments.docker_vm_memory), "cpus": arguments.docker_vm_cpus}
    request = boot.BootRequest(
        name=arguments.name, mac=mac, seed=_read_json(arguments.seed, {}), port=arguments.port, owner_pid=arguments.owner_pid,
        docker_socket=arguments.docker_socket and os.path.abspath(arguments.docker_socket),
        shares=tuple(os.path.abspath(path) for path in arguments.share),
    )
    _print_json(boot.boot(request).public())
    return 0


def _read_json(path: str | None, default: object):
    if path is None:
        return default
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise MacsimError(f"{path}: {error}") from None


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True) + "\n")


def _stop(arguments: argparse.Namespace) -> int:
    if bool(arguments.name) == arguments.all:
        raise MacsimError("stop takes a NAME or --all")
    for name in all_names() if arguments.all else [arguments.name]:
        control.stop(name)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    _print_json(control.running())
    return 0


def _inventory(arguments: argparse.Namespace) -> int:
    names = arguments.names or [str(record["name"]) for record in control.running()]
    sys.stdout.write(inventory.render([read_instance(name) for name in names]))
    return 0


def _calls(arguments: argparse.Namespace) -> int:
    sys.stdout.write(control.read_state(arguments.name, "calls.jsonl"))
    return 0


def _unexpected(arguments: argparse.Namespace) -> int:
    text = control.read_state(arguments.name, "unexpected.log")
    sys.stdout.write(text)
    return 1 if text else 0


def _snapshot(arguments: argparse.Namespace) -> int:
    _print_json(snapshot.take(read_instance(arguments.name)))
    return 0


def _reboot(arguments: argparse.Namespace) -> int:
    control.reboot(arguments.name)
    return 0


def _fault(arguments: argparse.Namespace) -> int:
    if bool(arguments.faults) == arguments.clear:
        raise MacsimError("fault takes profiles, files of faults, or --clear")
    control.order_faults(arguments.name, arguments.faults)
    return 0


def _faults(arguments: argparse.Namespace) -> int:
    for name, profile in fault_profiles.PROFILES.items():
        sys.stdout.write(f"{name:<24}{profile.text}\n")
    return 0


def _set(arguments: argparse.Namespace) -> int:
    _print_json(control.change(arguments.name, arguments.values))
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        raise MacsimError("exec takes a command after --")
    control.execute(read_instance(arguments.name), words)
    return 0


def _tart_archive(arguments: argparse.Namespace) -> int:
    archive.write_tart(arguments.version, Path(arguments.output))
    return 0
