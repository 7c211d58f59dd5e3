# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A plan written for people, as text or markdown."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size

Data = t.Mapping[str, t.Any]


def text_report(plan: Data) -> str:
    """One line a Mac, every warning, and for each refused Mac its ledger and smallest change."""
    return f"{summary_report(plan)}\n\n{refusal_report(plan)}"


def summary_report(plan: Data) -> str:
    """One line a Mac, and every warning once."""
    blocks = ["\n".join(_table(plan["macs"]))]
    warnings = _warnings(plan["macs"])
    if warnings:
        blocks.append("\n".join(["warnings:", *(f"  {line}" for line in warnings)]))
    return "\n\n".join(blocks)


def refusal_report(plan: Data) -> str:
    """The verdict; then reasons, ledger and smallest change of each refused Mac."""
    refused = [(name, mac) for name, mac in plan["macs"].items() if mac["violations"]]
    return "\n\n".join([verdict(plan), *("\n".join(_refusal(name, mac)) for name, mac in refused)])


def verdict(plan: Data) -> str:
    """The last word: how many Macs fit, are refused, were not reached."""
    macs = plan["macs"]
    refused = [name for name, mac in macs.items() if mac["violations"]]
    silent = [name for name, mac in macs.items() if mac.get("unreachable")]
    counts = f"{_macs(len(macs))}: {len(macs) - len(refused) - len(silent)} fit, {len(refused)} refused"
    if silent:
        counts += f", {len(silent)} not reached ({', '.join(silent)})"
    if plan["fits"]:
        return f"The plan fits. {counts}."
    return f"The plan is refused, nothing was changed on any Mac. {counts}."


def _macs(number: int) -> str:
    return f"{number} Mac" if number == 1 else f"{number} Macs"


def _table(macs: t.Mapping[str, Data]) -> t.Iterator[str]:
    rows = [("MAC", "VERDICT", "MEMORY", "LEFT", "WHY"), *(_row(name, mac) for name, mac in macs.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip()


def _row(name: str, mac: Data) -> t.Tuple[str, ...]:
    if mac.get("unreachable"):
        return (name, "NOT REACHED", "-", "-", "left out, nothing is changed on it")
    supply = mac["ledger"][0]["bytes"]
    memory, left = (format_size(supply), format_size(mac["free"])) if supply else ("unknown", "-")
    checks = list(dict.fromkeys(violation["check"] for violation in mac["violations"]))
    return (name, "fits" if mac["fits"] else "REFUSED", memory, left, ", ".join(checks))


def _refusal(name: str, mac: Data) -> t.Iterator[str]:
    yield f"{name} is refused:"
    for violation in mac["violations"]:
        yield f"  {violation['check']}: {_sentence(violation)}"
    yield "  ledger:"
    yield from (f"    {line}" for line in _ledger(mac))
    if mac["changes"]:
        yield "  smallest change that fits:"
        yield from (f"    {change['message']}" for change in mac["changes"])
    else:
        yield "  no change of counts and memory sizes alone was found that makes it fit"
    for move in mac["moves"]:
        yield f"  or {move['message']}"


def violation_lines(violations: t.Iterable[Violation]) -> t.List[str]:
    """One line for each violation: check, pool, message."""
    return [f"{violation.check}: {_sentence(violation._asdict())}" for violation in violations]


def _sentence(violation: Data) -> str:
    named = violation["pool"] and f'pool "{violation["pool"]}"' not in violation["message"]
    return f'pool "{violation["pool"]}": {violation["message"]}' if named else violation["message"]


def _ledger(mac: Data) -> t.List[str]:
    amounts = [format_size(line["bytes"]) for line in mac["ledger"]] + [format_size(mac["free"])]
    width = max(len(amount) for amount in amounts)
    texts = [line["what"] for line in mac["ledger"]] + ["left"]
    return [f"{amount.rjust(width)}  {text}" for amount, text in zip(amounts, texts)]


def _warnings(macs: t.Mapping[str, Data]) -> t.List[str]:
    """Each warning once, with the Macs that it is about."""
    about: t.Dict[str, t.List[str]] = {}
    for name, mac in macs.items():
        for warning in mac["warnings"]:
            about.setdefault(warning, []).append(name)
    return [f"{_names(names)}: {warning}" for warning, names in about.items()]


def _names(names: t.Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def markdown_report(plan: Data) -> str:
    """The same for a pull request or a wiki."""
    lines = [f"**{verdict(plan)}**", "", "| Mac | verdict | memory | left | why |", "| --- | --- | --- | --- | --- |"]
    lines.extend("| " + " | ".join(map(_cell, _row(name, mac))) + " |" for name, mac in plan["macs"].items())
    for name, mac in plan["macs"].items():
        if mac["violations"]:
            lines.extend(["", f"### {name}", "", *_markdown_refusal(mac)])
    warnings = _warnings(plan["macs"])
    if warnings:
        lines.extend(["", "### Warnings", "", *(f"- {line}" for line in warnings)])
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A name that somebody gave a VM must not end the cell."""
    return text.replace("|", "\\|")


def _markdown_refusal(mac: Data) -> t.Iterator[str]:
    for violation in mac["violations"]:
        yield f"- **{violation['check']}**: {_sentence(violation)}"
    yield from ("", "| bytes | |", "| ---: | --- |")
    for line in mac["ledger"]:
        yield f"| {format_size(line['bytes'])} | {_cell(line['what'])} |"
    yield f"| {format_size(mac['free'])} | left |"
    if mac["changes"]:
        yield from ("", "Smallest change that fits:", "")
        yield from (f"- {change['message']}" for change in mac["changes"])
    for move in mac["moves"]:
        yield f"- or {move['message']}"
