# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What can go wrong with GitHub, one class a cause; every message says which target, what was asked and what to do."""

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError


class GithubError(MacRunnersError):
    """Something that GitHub, or the way to it, refused."""


class InputError(GithubError):
    """What the operator gave is wrong; nothing was sent."""


class CredentialError(GithubError):
    """The token or the App's key is refused (401), or is of a kind that cannot work."""


class ForbiddenError(GithubError):
    """The credential is good, but lacks a permission (403)."""


class NotFoundError(GithubError):
    """There is no such thing, or the credential may not see it (404)."""


class ConflictError(GithubError):
    """It exists already (409)."""


class RefusedError(GithubError):
    """GitHub understood and will not (422): wrong values, or a runner that is busy."""


class RateLimitError(GithubError):
    """GitHub wants a longer pause than the operator allows: ``wait`` seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class ServerError(GithubError):
    """GitHub failed (5xx); whether it acted is not known."""


class NoAnswerError(GithubError):
    """No answer came. ``sent`` is False only when it is sure that GitHub never got the request."""

    def __init__(self, message: str, sent: bool = True, lasting: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        #: Whether asking again cannot help, as with a certificate that is not trusted.
        self.lasting = lasting


class BadAnswerError(GithubError):
    """The answer is not what GitHub's documentation says."""
