# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Appended to tarfile.py: extraction as in 3.9.6, which knows no filters.

_extract_with_filter = TarFile.extract  # noqa: F821
_extractall_with_filter = TarFile.extractall  # noqa: F821


def _extract(self, member, path="", set_attrs=True, *, numeric_owner=False):
    return _extract_with_filter(self, member, path, set_attrs, numeric_owner=numeric_owner)


def _extractall(self, path=".", members=None, *, numeric_owner=False):
    return _extractall_with_filter(self, path, members, numeric_owner=numeric_owner)


TarFile.extract = _extract  # noqa: F821
TarFile.extractall = _extractall  # noqa: F821
