# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers to read the words of a call strictly."""

from __future__ import annotations

from standins.call import Unexpected


def no_words(words: list[str]) -> None:
    if words:
        raise Unexpected(f"unexpected words {words}")


def take_flags(words: list[str], allowed: str, valued: str = "") -> tuple[set[str], dict[str, str], list[str]]:
    """getopt: leading single-letter options, joined or not; flags, values of ``valued`` ones, the rest."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    index = 0
    while index < len(words) and words[index].startswith("-") and words[index] != "-":
        word = words[index]
        index += 1
        if word == "--":
            break
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters:
                    if index >= len(words):
                        raise Unexpected(f"-{letter} without a value")
                    letters = words[index]
                    index += 1
                values[letter], letters = letters, ""
            elif letter in allowed:
                flags.add(letter)
            else:
                raise Unexpected(f"unknown option -{letter} in {word}")
    return flags, values, words[index:]
