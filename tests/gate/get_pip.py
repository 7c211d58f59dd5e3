# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the get-pip.py that ansible-test would download: installs the wanted pip with the pip that Python bundles.

ansible-test looks for the file in its cache first, runs it with the name of that file in GET_PIP, and passes pip's own options.
"""

from __future__ import annotations

import ensurepip
import glob
import os
import re
import runpy
import sys

version = ".".join(re.findall(r"\d+", os.path.basename(os.environ["GET_PIP"])))
bundled = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
sys.path.insert(0, bundled[0])
sys.argv = ["pip", "install", f"pip=={version}"] + [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
