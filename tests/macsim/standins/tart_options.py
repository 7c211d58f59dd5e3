# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tart's command line: which command takes which words, since which release, and how a wrong word is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from standins.call import EX_USAGE, Fail, Unexpected

Version = tuple[int, ...]


def version_of(text: str) -> Version:
    return tuple(int(part) for part in text.split("-")[0].split("."))


@dataclass(frozen=True)
class Spec:
    """Options: name -> (kind, since); kind is flag, text, uint, or a tuple of allowed words. ``many``: options that may repeat."""

    positionals: tuple[str, ...]
    usage: str
    options: dict[str, tuple[Any, str]] = field(default_factory=dict)
    variadic: bool = False
    many: tuple[str, ...] = ()
    short: dict[str, str] = field(default_factory=dict)


_FORMAT = {"--format": (("text", "json"), "0")}
_REGISTRY = {"--insecure": ("flag", "0"), "--concurrency": ("uint", "2.0.0"), "--deduplicate": ("flag", "2.19.0")}
SPECS: dict[str, Spec] = {
    "create": Spec(("name",), "tart create <name> [--from-ipsw <path>] [--linux] [--disk-size <disk-size>] [--disk-format <disk-format>]", {
        "--from-ipsw": ("text", "0"), "--linux": ("flag", "0"), "--disk-size": ("uint", "0"), "--disk-format": (("raw", "asif"), "2.28.0")}),
    "clone": Spec(("source-name", "new-name"),
                  "tart clone <source-name> <new-name> [--insecure] [--concurrency <concurrency>] [--prune-limit <n>]",
                  {**_REGISTRY, "--prune-limit": ("uint", "2.28.5")}),
    "run": Spec(("name",), "tart run [<options>] <name>", {
        "--no-graphics": ("flag", "0"), "--serial": ("flag", "0"), "--serial-path": ("text", "0"), "--graphics": ("flag", "0"),
        "--no-audio": ("flag", "2.6.0"), "--no-clipboard": ("flag", "2.10.0"), "--recovery": ("flag", "0"), "--vnc": ("flag", "0"),
        "--vnc-experimental": ("flag", "0"), "--disk": ("text", "0"), "--rosetta": ("text", "0"), "--dir": ("text", "0"),
        "--nested": ("flag", "2.20.0"), "--net-bridged": ("text", "0"), "--net-softnet": ("flag", "0"),
        "--net-softnet-allow": ("text", "2.7.1"), "--net-softnet-block": ("text", "2.30.0"), "--net-softnet-control-fd": ("uint", "2.34.0"),
        "--net-softnet-expose": ("text", "2.23.0"), "--net-host": ("flag", "2.7.0"), "--root-disk-opts": ("text", "2.16.0"),
        "--suspendable": ("flag", "1.8.0"), "--capture-system-keys": ("flag", "2.3.0"), "--no-trackpad": ("flag", "2.25.0"),
        "--no-pointer": ("flag", "2.29.0"), "--no-keyboard": ("flag", "2.29.0")}, many=("--disk", "--dir", "--net-bridged")),
    "set": Spec(("name",), "tart set <name> [--cpu <cpu>] [--memory <memory>] [--display <display>] [--display-refit] [--no-display-refit] "
                "[--random-mac] [--random-serial] [--disk <path>] [--disk-size <disk-size>]", {
                    "--cpu": ("uint", "0"), "--memory": ("uint", "0"), "--display": ("text", "0"), "--display-refit": ("flag", "2.21.0"),
                    "--no-display-refit": ("flag", "2.21.0"), "--random-mac": ("flag", "2.10.0"), "--random-serial": ("flag", "2.10.0"),
                    "--disk": ("text", "0"), "--disk-size": ("uint", "0")}),
    "get": Spec(("name",), "tart get <name> [--format <format>]", _FORMAT),
    "list": Spec((), "tart list [--source <source>] [--format <format>] [--quiet]",
                 {"--source": ("text", "0"), "--quiet": ("flag", "0"), **_FORMAT}, short={"-q": "--quiet"}),
    "ip": Spec(("name",), "tart ip <name> [--wait <wait>] [--resolver <resolver>]",
               {"--wait": ("uint", "0"), "--resolver": (("dhcp", "arp", "agent"), "1.1.0")}),
    "pull": Spec(("remote-name",), "tart pull <remote-name> [--insecure] [--concurrency <concurrency>]", _REGISTRY),
    "prune": Spec((), "tart prune [--entries <entries>] [--older-than <n>] [--space-budget <n>]", {
        "--entries": ("text", "1.9.2"), "--older-than": ("uint", "0"), "--cache-budget": ("uint", "0"), "--space-budget": ("uint", "1.9.2"),
        "--gc": ("flag", "0")}),
    "rename": Spec(("name", "new-name"), "tart rename <name> <new-name>"),
    "stop": Spec(("name",), "tart stop <name> [--timeout <timeout>]", {"--timeout": ("uint", "0")}, short={"-t": "--timeout"}),
    "delete": Spec(("name",), "tart delete <name> ...", variadic=True),
    "fqn": Spec(("name",), "tart fqn <name>"),
    "suspend": Spec(("name",), "tart suspend <name>"),
}
ROOT_USAGE = "Usage: tart <subcommand>\n  See 'tart --help' for more information."


@dataclass
class Words:
    """Parsed words of one command."""

    positionals: list[str]
    values: dict[str, Any]

    def flag(self, name: str) -> bool:
        return bool(self.values.get(name))


def usage_error(command: str, message: str, help_line: str = "") -> Unexpected:
    """A wrong use of the parser's making: exit 64 with the usage, and noted as unexpected."""
    usage = f"Usage: {SPECS[command].usage}\n  See 'tart {command} --help' for more information.\n"
    return Unexpected(message, EX_USAGE, f"Error: {message}\n{help_line}{usage}")


def validation(command: str, message: str) -> Fail:
    """A rule of the command itself, which a caller may meet on purpose."""
    usage = f"Usage: {SPECS[command].usage}\n  See 'tart {command} --help' for more information.\n"
    return Fail(EX_USAGE, f"Error: {message}\n{usage}")


def late_validation(message: str) -> Fail:
    return Fail(EX_USAGE, f"Error: {message}\n{ROOT_USAGE}\n")


def parse(command: str, argv: list[str], version: Version) -> Words:
    """Read the words of a command; raises the parser's own refusals."""
    spec = SPECS[command]
    words = Words([], {})
    index = 0
    while index < len(argv):
        word = argv[index]
        index += 1
        if word == "--":
            words.positionals += argv[index:]
            break
        if word.startswith("-") and word != "-":
            index = _option(command, spec, word, argv, index, words, version)
        else:
            words.positionals.append(word)
    _check_positionals(command, spec, words.positionals)
    return words


def _option(command: str, spec: Spec, word: str, argv: list[str], index: int, words: Words, version: Version) -> int:
    name, separator, value = word.partition("=")
    name = spec.short.get(name, name)
    kind, since = spec.options.get(name, (None, "0"))
    if kind is None or version_of(since) > version:
        raise usage_error(command, f"Unknown option '{name}'")
    if kind == "flag":
        words.values[name] = True
        return index
    if not separator:
        if index >= len(argv) or argv[index].startswith("-"):
            raise usage_error(command, f"Missing value for '{name} <{name[2:]}>'")
        value, index = argv[index], index + 1
    value = _converted(command, name, kind, value)
    if name in spec.many:
        words.values.setdefault(name, []).append(value)
    else:
        words.values[name] = value
    return index


def _converted(command: str, name: str, kind: Any, value: str) -> Any:
    if kind == "text":
        return value
    if kind == "uint" and value.isdigit():
        return int(value)
    if isinstance(kind, tuple) and value.lower() in kind:
        return value.lower()
    listed = ""
    if isinstance(kind, tuple):
        quoted = [f"'{word}'" for word in kind]
        listed = f". Please provide one of {', '.join(quoted[:-1])} {'or' if len(quoted) > 2 else 'and'} {quoted[-1]}."
    raise usage_error(command, f"The value '{value}' is invalid for '{name} <{name[2:]}>'{listed}")


def _check_positionals(command: str, spec: Spec, found: list[str]) -> None:
    if len(found) < len(spec.positionals):
        missing = spec.positionals[len(found)]
        raise usage_error(command, f"Missing expected argument '<{missing}>'", f"Help:  <{missing}>  \n")
    if len(found) > len(spec.positionals) and not spec.variadic:
        raise usage_error(command, f"Unexpected argument '{found[len(spec.positionals)]}'")
