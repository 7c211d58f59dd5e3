# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Where runners register: a repository, an organisation or an enterprise, on github.com, ghe.com or a GitHub Enterprise Server."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError

_PUBLIC_HOSTS = frozenset(("github.com", "www.github.com"))
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?\Z")
_REPOSITORY = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
#: First segments of GitHub's own pages, which are no owners.
_PAGES = frozenset(("orgs", "organizations", "users", "settings", "apps", "repos", "api", "marketplace"))
_ALLOWED = "https://github.com/ORGANISATION, https://github.com/OWNER/REPOSITORY, https://github.com/enterprises/ENTERPRISE, or the same on your own server"


@dataclasses.dataclass(frozen=True)
class Target:
    """One place for runners. ``kind`` is repository, organisation or enterprise; ``api`` the address of the REST API."""

    kind: str
    url: str
    api: str
    owner: str
    repository: str = ""

    @property
    def path(self) -> str:
        """The path of the target in the API."""
        if self.kind == "repository":
            return f"/repos/{self.owner}/{self.repository}"
        return f"/{'orgs' if self.kind == 'organisation' else 'enterprises'}/{self.owner}"

    @property
    def key(self) -> str:
        """What two spellings of the same target have in common; GitHub ignores case."""
        return (self.api + self.path).lower()


def parse_target(url: t.Any) -> Target:
    """Read the address of a target; a trailing slash and ``.git`` are dropped. Raises :class:`InputError`."""
    if not isinstance(url, str) or not url.strip():
        raise InputError(f"url: got {show(url)}; allowed: {_ALLOWED}")
    if not url.isprintable():
        # urllib drops some of them without a word.
        raise InputError(f"url: got {show(url.rpartition('@')[2])} with a line break or another control character; allowed: {_ALLOWED}")
    parts = _split(url.strip())
    segments = [urllib.parse.unquote(segment) for segment in parts.path.split("/") if segment]
    host = _host(parts)
    base = f"{parts.scheme}://{host}"
    kind, owner, repository = _scope(segments, _shown(parts))
    path = {"repository": f"{owner}/{repository}", "organisation": owner}.get(kind, f"enterprises/{owner}")
    return Target(kind, f"{base}/{path}", _api(parts, host), owner, repository)


def _shown(parts: urllib.parse.SplitResult) -> str:
    """The address without what may be a secret."""
    return show(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _split(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"url: it is no address ({error}); allowed: {_ALLOWED}") from error
    if "@" in parts.netloc:
        raise InputError(f"url: got {_shown(parts)} with a user or a password in it; give the credential as token or app")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise InputError(f"url: got {show(url.rpartition('@')[2])}; allowed: {_ALLOWED}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise InputError(f"url: got {_shown(parts)}; allowed: https, since over http everybody on the way can read the credential")
    if parts.query or parts.fragment:
        raise InputError(f"url: got {_shown(parts)} with a query or a fragment; allowed: {_ALLOWED}")
    _refuse_host(parts, port)
    return parts


def _refuse_host(parts: urllib.parse.SplitResult, port: t.Optional[int]) -> None:
    host = (parts.hostname or "").lower()
    public = host == "github.com" or host.endswith((".github.com", ".ghe.com"))
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        raise InputError(f"url: got {_shown(parts)}, the address of the API; write https://{host[4:]}/... as in a browser")
    if (host.endswith(".github.com") and host not in _PUBLIC_HOSTS) or host in ("ghe.com", "www.ghe.com", "github.io"):
        raise InputError(f"url: got {_shown(parts)}, a host without repositories; allowed: {_ALLOWED}")
    if public and (port not in (None, 443) or parts.scheme != "https"):
        raise InputError(f"url: got {_shown(parts)}; allowed: https without a port for {host}")


def _host(parts: urllib.parse.SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if host in _PUBLIC_HOSTS:
        return "github.com"
    if host.endswith(".ghe.com"):
        return host
    bracketed = f"[{host}]" if ":" in host else host
    return f"{bracketed}:{parts.port}" if parts.port else bracketed


def _api(parts: urllib.parse.SplitResult, host: str) -> str:
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{parts.scheme}://{host}/api/v3"


def _scope(segments: t.Sequence[str], shown: str) -> t.Tuple[str, str, str]:
    """Kind, owner and repository of the path of an address."""
    if segments and segments[0] in _PAGES:
        hint = f"; did you mean the organisation itself, .../{segments[1]}?" if len(segments) > 1 and segments[0] in ("orgs", "organizations") else ""
        raise InputError(f"url: got {shown}, a page of GitHub and no target{hint}; allowed: {_ALLOWED}")
    if len(segments) == 2 and segments[0] == "enterprises":
        return "enterprise", _named(_OWNER, segments[1], "enterprise", shown), ""
    if len(segments) == 1 and segments[0] != "enterprises":
        return "organisation", _named(_OWNER, segments[0], "organisation", shown), ""
    if len(segments) == 2 and segments[0] != "enterprises":
        # What one copies from "clone"; the runner itself would get a 404 with it.
        name = segments[1][:-4] if segments[1].endswith(".git") else segments[1]
        return "repository", _named(_OWNER, segments[0], "owner", shown), _named(_REPOSITORY, name, "repository", shown)
    raise InputError(f"url: got {shown}; allowed: {_ALLOWED}")


def _named(pattern: t.Pattern[str], name: str, what: str, shown: str) -> str:
    if pattern.match(name) is None:
        raise InputError(f"url: got {shown}, in which {show(name)} cannot be the name of the {what}; allowed: {_ALLOWED}")
    return name
