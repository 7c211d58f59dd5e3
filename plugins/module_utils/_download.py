# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""How modules fetch archives, with Ansible's proxies and certificates."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.releases import ReleaseError

#: Seconds without any answer after which a download is given up.
TIMEOUT = 60


def download(url: str) -> t.Any:
    """The open answer to a request for ``url``."""
    import http.client

    from ansible.module_utils import urls

    try:
        # The pinned SHA-256 is that of the bytes as they are sent.
        return urls.open_url(url, timeout=TIMEOUT, decompress=False)
    except (urls.ConnectionError, urls.MissingModuleError, http.client.HTTPException, OSError, ValueError) as error:
        # Without what follows the ?, which may be a secret.
        raise ReleaseError(f"{url.partition('?')[0]} cannot be fetched: {error}") from error
