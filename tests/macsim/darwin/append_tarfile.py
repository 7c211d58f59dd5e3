# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Appended to tarfile.py: extraction as in 3.9.6, which knows no filters.


def _forget_filters(archive):
    extract, extractall = archive.extract, archive.extractall

    def extract_unfiltered(self, member, path="", set_attrs=True, *, numeric_owner=False):
        return extract(self, member, path, set_attrs, numeric_owner=numeric_owner)

    def extractall_unfiltered(self, path=".", members=None, *, numeric_owner=False):
        return extractall(self, path, members, numeric_owner=numeric_owner)

    archive.extract = extract_unfiltered
    archive.extractall = extractall_unfiltered


_forget_filters(globals()["TarFile"])
