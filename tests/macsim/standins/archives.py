# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tar as bsdtar: it says so, and takes no option that only GNU's has."""

from __future__ import annotations

import os

from standins.call import Call, Fail, Unexpected

_HOST_TAR = "/System/Library/macsim/host/bin/tar"
_VERSION = "bsdtar 3.5.3 - libarchive 3.7.4 zlib/1.2.12 liblzma/5.4.3 bz2lib/1.0.8 \n"
_LETTERS = frozenset("cxtrufCvzjJpkOmhPoSn")
_VALUED = frozenset("fC")
_LONG = ("--exclude", "--include", "--strip-components", "--no-same-owner", "--same-owner", "--no-same-permissions", "--uid", "--gid",
         "--uname", "--gname", "--null", "--totals", "--numeric-owner", "--directory", "--file", "--help")
_SAME_IN_GNU = ("--exclude", "--strip-components", "--no-same-owner", "--same-owner", "--no-same-permissions", "--null", "--totals",
                "--numeric-owner", "--directory", "--file")


def tar(call: Call) -> int:
    words = call.argv
    if words == ["--version"]:
        call.out(_VERSION)
        return 0
    if not words:
        raise Fail(1, "tar: Must specify one of -c, -r, -t, -u, -x\n")
    for place, word in enumerate(words):
        _check(word, place)
    if any("x" in word.lstrip("-") or "c" in word.lstrip("-") for word in words[:1]) or "-x" in words or "-c" in words:
        call.writes()
    _become(call, words)
    return 0


def _check(word: str, place: int) -> None:
    if word.startswith("--"):
        name = word.partition("=")[0]
        if name not in _LONG:
            raise Unexpected(f"option {name}", code=1, stderr=f"tar: Option {name} is not supported\n")
        if name not in _SAME_IN_GNU:
            raise Unexpected(f"option {name} is the Mac's, but this stand-in does not know it")
    elif (word.startswith("-") or place == 0) and len(word) > 1:
        letters = word.lstrip("-")
        for index, letter in enumerate(letters):
            if letter not in _LETTERS:
                raise Unexpected(f"option -{letter}", code=1, stderr=f"tar: Option -{letter} is not supported\n")
            if letter in _VALUED and word.startswith("-") and index < len(letters) - 1:
                return


def _become(call: Call, words: list[str]) -> None:
    """GNU's tar restores owners as root as bsdtar does; both stop on a broken archive with 1 (GNU: 2)."""
    process = os.fork()
    if process == 0:
        os.execv(_HOST_TAR, ["tar", *words])
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code:
        raise Fail(1)


TOOLS = {"tar": tar}
