# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates templates as Ansible does: JSON in (variables and expressions), JSON out. Run by the tests of filters.

Texts of the variables that hold ``{{`` are templates of the inventory, and are trusted as such.
"""

from __future__ import annotations

import json
import sys
import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template


def trusted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def main() -> None:
    init_plugin_loader([])
    given = json.load(sys.stdin)
    templar = Templar(loader=DataLoader(), variables=trusted(given["variables"]))
    answers = []
    for expression in given["expressions"]:
        try:
            answers.append({"value": templar.template(trust_as_template(expression))})
        except AnsibleError as error:
            answers.append({"error": str(error)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
