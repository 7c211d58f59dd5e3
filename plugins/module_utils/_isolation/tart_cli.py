# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The commands of Tart, run as the account that owns the TART_HOME."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Result, Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, TartError

#: Of the system first; softnet and credential helpers come from Homebrew's directories.
PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin:/usr/local/bin"


class Tart:
    """Tart in one TART_HOME. ``secrets`` go through the environment only: argument lists are public."""

    def __init__(self, run: Run, place: Place, secrets: t.Optional[t.Mapping[str, str]] = None) -> None:
        self._run = run
        self._place = place
        self._secrets = dict(secrets or {})

    @property
    def installed(self) -> bool:
        """Whether Tart is there at all."""
        return os.access(self._place.tart, os.X_OK)

    def _has(self, directory: str) -> bool:
        # Where nothing is yet, Tart would make its directories just to look.
        return self.installed and os.path.isdir(os.path.join(self._place.tart_home, directory))

    def states(self) -> t.Dict[str, str]:
        """State of every local VM by name: running, suspended or stopped. Tart's listing fails when a VM vanishes meanwhile, so it is tried thrice."""
        if not self._has("vms"):
            return {}
        for attempt in (1, 2, 3):
            result = self.call("list", "--source", "local", "--format", "json")
            if result.rc == 0:
                return _parse_list(result.stdout)
            if attempt < 3:
                time.sleep(0.5)
        raise CommandError(["tart", "list"], result)

    def cached(self) -> t.Set[str]:
        """References of the images in the cache, by tag and by digest."""
        return set(self.must("list", "--source", "oci", "--quiet").split()) if self._has("cache") else set()

    def call(self, *words: str, stdin: str = "") -> Result:
        """Run ``tart WORDS``, whatever comes out."""
        return self._run(self._argv(words, ()), stdin=stdin)

    def argv(self, *words: str) -> t.List[str]:
        """The whole argument list of ``tart WORDS``, for who runs it otherwise."""
        return self._argv(words, ())

    def must(self, *words: str) -> str:
        """Run ``tart WORDS``, which has to succeed."""
        return must(self._run, self._argv(words, ()))

    def pull(self, image: str) -> None:
        """Fetch an image, with the registry's credentials if there are any."""
        must(self._run, self._argv(("pull", image), sorted(self._secrets)), env=self._secrets)

    def as_account(self, *argv: str) -> None:
        """Run another command as the account."""
        must(self._run, [*self._sudo(()), *argv])

    def _sudo(self, keep: t.Sequence[str]) -> t.List[str]:
        kept = [f"--preserve-env={','.join(keep)}"] if keep else []
        return ["/usr/bin/sudo", "-n", "-u", self._place.account.name, "-H", *kept]

    def _argv(self, words: t.Sequence[str], keep: t.Sequence[str]) -> t.List[str]:
        return [
            *self._sudo(keep),
            "/usr/bin/env",
            f"TART_HOME={self._place.tart_home}",
            # Tart would delete other cached images to make room; ours are pruned by plan only.
            "TART_NO_AUTO_PRUNE=1",
            # Without it escape codes come even into pipes.
            "CI=1",
            f"PATH={PATH}",
            self._place.tart,
            *words,
        ]


def _parse_list(text: str) -> t.Dict[str, str]:
    try:
        return {str(entry["Name"]): str(entry["State"]) for entry in json.loads(text) if entry.get("Source") == "local"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TartError(f"tart list gave something unknown ({error}): {text[:200]!r}") from None


def reference(image: str) -> str:
    """An image reference as Tart lists it: a tag is always written."""
    if "@" in image or ":" in image.rsplit("/", 1)[-1]:
        return image
    return image + ":latest"


def is_remote(image: str) -> bool:
    """Whether Tart takes an image for one of a registry: it has a host and a path."""
    host, slash, dummy = image.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")
