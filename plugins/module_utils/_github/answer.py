# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What urllib gives, as the core takes it: an answer of any status, or why there is none."""

from __future__ import annotations

import http.client
import socket
import ssl
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import on_one_line
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError, NoAnswerError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response

_LARGEST_BODY = 64 * 1024 * 1024


def read_answer(request: Request, answer: t.Any) -> Response:
    """Read an answer to its end; raises :class:`NoAnswerError` when it breaks off."""
    try:
        with answer:
            body = answer.read(_LARGEST_BODY + 1)
    except (OSError, http.client.HTTPException, AttributeError) as error:
        raise no_answer(request, error) from None
    if len(body) > _LARGEST_BODY:
        raise BadAnswerError(f"{request.method} {request.url}: the answer is larger than {_LARGEST_BODY} bytes")
    return Response(answer.getcode(), {name.lower(): value for name, value in answer.headers.items()}, body)


def no_answer(request: Request, error: BaseException) -> NoAnswerError:
    """Why there is no answer, and whether GitHub may have got the request."""
    cause = getattr(error, "reason", None) or error
    text = on_one_line(str(cause) or type(cause).__name__)
    start = f"{request.method} {request.url}: no answer ({text})"
    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = "the certificate is not trusted; when GitHub or a proxy has a private CA, give its certificate as ca_path"
        return NoAnswerError(f"{start}; {hint}", sent=False, lasting=True)
    never_sent = isinstance(cause, (ConnectionRefusedError, socket.gaierror))
    return NoAnswerError(f"{start}; is there a way from here to GitHub (name, firewall, proxy)?", sent=not never_sent)
