# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Registrations of persistent runners: from what is configured in each environment to what has to be registered; pure."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

_FIELDS = ("name", "runner_name", "url", "labels", "group", "id")
_SLOT = re.compile(r"[a-z][a-z0-9-]{0,30}-[1-9][0-9]{0,3}\Z")
_RUNNER = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_URL = re.compile(r"https?://[^\s-]\S*\Z")


class RegistrationError(MacRunnersError):
    """What was asked for is wrong, or a runner could not be registered."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A runner that shall be registered. ``id``: its number at GitHub, 0 when it is not there."""

    slot: str
    runner_name: str
    url: str
    labels: t.Tuple[str, ...] = ()
    group: str = ""
    id: int = 0

    def options(self) -> t.List[str]:
        """The options of config.sh; the token is none of them."""
        group = ["--runnergroup", self.group] if self.group else []
        labels = ["--labels", ",".join(self.labels)] if self.labels else []
        return ["--unattended", "--replace", "--disableupdate", "--url", self.url, "--name", self.runner_name, *labels, *group, "--work", "_work"]


@dataclasses.dataclass(frozen=True)
class Seen:
    """The environment of a persistent runner. ``name``, ``url``, ``id``: as its runner is configured, empty and 0 when it is not.

    ``environment``: by which its isolation knows it. ``busy``: a job runs in it, or with ``trouble``, which says why, nobody can tell.
    """

    slot: str
    environment: str
    running: bool
    busy: bool = False
    name: str = ""
    url: str = ""
    id: int = 0
    trouble: str = ""

    @property
    def shown(self) -> t.Dict[str, t.Any]:
        """As results show it."""
        return {"name": self.slot, "running": self.running, "busy": self.busy, "runner_name": self.name, "url": self.url, "id": self.id}


class Environments(t.Protocol):
    """The persistent runners of one isolation on a Mac; ``at_once``: how many are registered at the same time."""

    at_once: int

    def look(self) -> t.Dict[str, Seen]:
        """What there is, by slot."""

    def register(self, seen: Seen, one: Wanted, token: str) -> None:
        """Register the runner of an environment; raises :class:`RegistrationError`, without the token."""


def register_all(there: Environments, seen: t.Mapping[str, Seen], wanted: t.Sequence[Wanted], tokens: t.Mapping[str, str]) -> t.Dict[str, str]:
    """Register all of ``wanted``; return what failed, by slot."""

    def guarded(one: Wanted) -> str:
        try:
            there.register(seen[one.slot], one, tokens[one.url])
        except MacRunnersError as error:
            return str(error)
        return ""

    with concurrent.futures.ThreadPoolExecutor(there.at_once) as pool:
        said = zip(wanted, pool.map(guarded, wanted))
        return {one.slot: why for one, why in said if why}


def failed(code: int, said: str, token: str) -> RegistrationError:
    """Why config.sh did not register, from what it printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = " ".join(lines[-3:]).replace(token, "***")
    return RegistrationError(f"config.sh ended with {code}: {told or 'it said nothing'}")


def read_settings(content: str) -> t.Dict[str, t.Any]:
    """C(name), C(url) and C(id) of :class:`Seen` from what the runner's own file says."""
    try:
        settings = json.loads(content.lstrip("\ufeff"))
    except ValueError:
        settings = None
    # Versions of the runner begin these names with a large or a small letter.
    told = {name.lower(): value for name, value in settings.items()} if isinstance(settings, dict) else {}
    return {"name": _word(told.get("agentname")), "url": _word(told.get("githuburl")), "id": _number(told.get("agentid"))}


def _number(value: t.Any) -> int:
    """A job can write what it likes there; nothing that is no number of a runner goes on to those who read them all."""
    return int(value) if re.match(r"[0-9]{1,18}\Z", str(value)) else 0


def _word(value: t.Any) -> str:
    return value if isinstance(value, str) and re.match(r"[\x21-\x7e]{1,300}\Z", value) else ""


def parse_wanted(raw: t.Sequence[t.Any]) -> t.Tuple[Wanted, ...]:
    """Read the option C(runners); raises :class:`RegistrationError` with all mistakes."""
    mistakes: t.List[Mistake] = []
    wanted = [_wanted(entry, index, mistakes) for index, entry in enumerate(raw)]
    messages = [f"runner {it.pool}: field {it.field}: got {it.given}; allowed: {it.allowed}" for it in mistakes]
    names = [one.slot for one in wanted if one.slot]
    messages += [f"runner {name}: field name: got it more than once; allowed: each name once" for name in sorted(set(names)) if names.count(name) > 1]
    if messages:
        raise RegistrationError("; ".join(messages))
    return tuple(wanted)


def _wanted(raw: t.Any, index: int, mistakes: t.List[Mistake]) -> Wanted:
    fields = Fields(raw, mistakes, pool=f"number {index + 1}")
    slot = _matching(fields, "name", _SLOT, "the name of a slot, <pool>-<number>, such as linux-1")
    fields.pool = slot or fields.pool
    fields.known(_FIELDS)
    labels = fields.items("labels")
    if not all(isinstance(label, str) and label and not set(label) & set(", \n") for label in labels):
        fields.wrong("labels", labels, "a list of texts without comma or blank")
        labels = []
    return Wanted(
        slot=slot,
        runner_name=_matching(fields, "runner_name", _RUNNER, "1 to 64 of A-Z, a-z, 0-9, . _ and -"),
        url=_matching(fields, "url", _URL, "an address such as https://github.com/acme"),
        labels=tuple(labels),
        group=fields.text("group", "") or "",
        id=fields.whole("id", 0, 0, 2**62),
    )


def _matching(fields: Fields, name: str, form: t.Pattern[str], allowed: str) -> str:
    value = fields.raw.get(name)
    if isinstance(value, str) and form.match(value):
        return value
    fields.wrong(name, value, allowed)
    return ""


def require_tokens(wanted: t.Iterable[Wanted], tokens: t.Mapping[str, t.Any]) -> None:
    """Raise unless there is a registration token for where each of ``wanted`` registers."""
    for one in wanted:
        token = tokens.get(one.url)
        if not isinstance(token, str) or not re.match(r"[\x21-\x7e]+\Z", token):
            raise RegistrationError(f"runner {one.slot}: field tokens: got none that is a word for {show(one.url)}; allowed: its registration token")


def lacks(one: Wanted, seen: t.Optional[Seen]) -> str:
    """Why a runner has to be registered, empty when it is."""
    if seen is None or not seen.id:
        return "it is not configured"
    if seen.name.lower() != one.runner_name.lower() or seen.url.rstrip("/").lower() != one.url.rstrip("/").lower():
        return f"it is configured as {seen.name} of {seen.url}"
    if not one.id:
        return "GitHub does not know it"
    return "" if seen.id == one.id else f"it is configured with the number {seen.id}, at GitHub it has {one.id}"


def make_plan(wanted: t.Iterable[Wanted], seen: t.Mapping[str, Seen]) -> ResourcePlan:
    """Plan all registrations; a runner with a job is left alone."""
    before = {slot: _state(one.name, one.url) for slot, one in seen.items() if one.id}
    after, steps = dict(before), []
    for one in wanted:
        there = seen.get(one.slot)
        why = lacks(one, there)
        if why and not (there and there.busy):
            after[one.slot] = _state(one.runner_name, one.url)
            steps.append(Step(one.slot, "register", why))
    return ResourcePlan(before, after, tuple(steps))


def _state(name: str, url: str) -> t.Dict[str, t.Any]:
    return {"runner_name": name, "url": url}
