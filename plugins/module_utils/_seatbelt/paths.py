# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Paths as the kernel sees them, worked out without a Mac at hand."""

from __future__ import annotations

import functools
import re
import typing as t

#: Links at the root of every Mac. The kernel compares what they lead to.
LINKS: t.Mapping[str, str] = {
    "/tmp": "/private/tmp",
    "/var": "/private/var",
    "/etc": "/private/etc",
    "/home": "/System/Volumes/Data/home",
}
#: Where the volume of data is mounted; the kernel shows what is on it mostly without this.
DATA = "/System/Volumes/Data"
#: PATH_MAX of macOS, with its final zero.
LONGEST = 1023

_SPECIAL = re.compile(r"[\\^$*?()\[\]{}|]")


def resolve(path: str) -> str:
    """A path without the links at the root; the rest of it is taken as it stands."""
    first = path[: path.find("/", 1)] if "/" in path[1:] else path
    return LINKS[first] + path[len(first) :] if first in LINKS else path


def is_in(path: str, parent: str) -> bool:
    """Whether ``path`` is ``parent`` or below it."""
    return path == parent or parent == "/" or path.startswith(parent + "/")


@functools.lru_cache(maxsize=4096)
def ancestors(path: str) -> t.Tuple[str, ...]:
    """All directories above a path, from the root down."""
    parts = path.split("/")[1:-1]
    return ("/", *("/" + "/".join(parts[: count + 1]) for count in range(len(parts)))) if path != "/" else ()


@functools.lru_cache(maxsize=4096)
def tidy(path: str) -> str:
    """A path as it is probably meant: without ``//``, ``/.``, ``..``, a slash at the end and the mount of the data volume."""
    parts: t.List[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    whole = "/" + "/".join(parts)
    if whole.startswith(DATA + "/") and not is_in(whole, LINKS["/home"]):
        return whole[len(DATA) :]
    return whole


def mistake_in(path: t.Any) -> str:
    """What is allowed instead of a path that a policy may not have; empty when it may."""
    if not isinstance(path, str) or not path.startswith("/"):
        return "an absolute path, such as /opt/homebrew"
    if not (path.isascii() and path.isprintable()) or '"' in path:
        return "a path of printable ASCII characters, without quotes and line ends"
    if _SPECIAL.search(path):
        return "one plain path; there are no patterns here, and none of \\ ^ $ * ? ( ) [ ] { } | in names"
    if ".." in path.split("/"):
        return "a path without .., since macOS follows links before it goes up"
    if len(path) > LONGEST:
        return f"at most {LONGEST} characters"
    return _spelling(path)


def _spelling(path: str) -> str:
    if path != "/" and tidy(path) != (path.rstrip("/") or "/"):
        return f"{tidy(path)}, which is how macOS sees it"
    if resolve(path) != path:
        link = "/" + path.split("/")[1]
        return f"{resolve(path.rstrip('/'))}, since {link} is a link and macOS compares what it leads to"
    return ""
