# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private certificate authorities and proxies, as Ansible's own modules take them."""

from __future__ import annotations

import base64
import http.server
import os
import select
import socket
import threading

import identities
import pytest
from double.server import LocalGithub

HOST = "github.acme.test"


@pytest.fixture
def secure(judge, tmp_path, monkeypatch):
    """A local GitHub with a certificate of a private authority; its file in ``ca``."""
    context, authority = identities.certificate(tmp_path, "localhost", HOST)
    with LocalGithub(context) as local:
        local.ca = str(authority)
        local.world.scope("/orgs/acme")
        yield local
    assert [breach for exchange in local.exchanges for breach in judge.breaches(exchange)] == []


class Proxy(http.server.BaseHTTPRequestHandler):
    """Takes CONNECT and leads every name to one port of this machine."""

    def do_CONNECT(self):
        self.server.asked.append((self.path, self.headers.get("authorization")))
        self.server.passwords.append(self.headers.get("proxy-authorization"))
        with socket.create_connection(("127.0.0.1", self.server.to)) as other:
            self.send_response(200)
            self.end_headers()
            self._relay(other)
        self.close_connection = True

    def _relay(self, other):
        sides = {self.connection: other, other: self.connection}
        while True:
            for side in select.select(list(sides), [], [], 10)[0]:
                data = side.recv(65536)
                if not data:
                    return
                sides[side].sendall(data)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def proxy(secure):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads, server.asked, server.passwords, server.to = True, [], [], secure.port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_private_authority_is_trusted_when_it_is_given(secure, play, tmp_path):
    options = {"url": secure.url + "/acme", "token": secure.world.token().text}
    assert play("github_runners_info", ca_path=secure.ca, **options)["runners"] == []
    result = play("github_runners_info", **options)
    assert result["failed"] and "the certificate is not trusted" in result["msg"] and "give its certificate as ca_path" in result["msg"]
    # Nothing was sent over the connection that could not be trusted, and it was not tried again.
    assert len(secure.exchanges) == 1
    assert play("github_runners_info", validate_certs=False, **options)["runners"] == []
    result = play("github_runners_info", ca_path="/no/such/ca.pem", **options)
    assert result["failed"] and result["msg"] == "ca_path: /no/such/ca.pem is no file"
    for text in ("", "hunter22", "-----BEGIN CERTIFICATE-----\nhunter22\n-----END CERTIFICATE-----\n"):
        (tmp_path / "no-ca.pem").write_text(text)
        result = play("github_runners_info", ca_path=str(tmp_path / "no-ca.pem"), **options)
        assert result["failed"] and result["msg"].startswith(f"ca_path: {tmp_path}/no-ca.pem cannot be used (")
        assert result["msg"].endswith("allowed: a file with certificates in PEM form") and "hunter22" not in result["msg"]


def test_the_proxy_of_the_environment_is_used_and_sees_no_credential(secure, proxy, play, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_port}")
    options = {"url": f"https://{HOST}/acme", "token": secure.world.token().text, "ca_path": secure.ca}
    assert play("github_runners_info", **options)["runners"] == []
    assert proxy.asked == [(f"{HOST}:443", None)]
    result = play("github_runners_info", use_proxy=False, **options)
    assert result["failed"] and "no answer" in result["msg"] and len(proxy.asked) == 1


@pytest.fixture
def environment(monkeypatch):
    """The module changes that of its own process, which here is that of the tests."""
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_a_proxy_that_is_given_is_used_whatever_the_environment_says(secure, proxy, play, environment):
    os.environ.update(https_proxy="http://127.0.0.1:9", no_proxy=HOST)
    address = f"http://me:hunter22@127.0.0.1:{proxy.server_port}"
    options = {"url": f"https://{HOST}/acme", "token": secure.world.token().text, "ca_path": secure.ca}
    assert play("github_runners_info", proxy=address, **options)["runners"] == []
    assert proxy.asked == [(f"{HOST}:443", None)] and proxy.passwords == ["Basic " + base64.b64encode(b"me:hunter22").decode()]


WRONG = ["proxy:3128", "ftp://proxy", "http://proxy:x", "http://proxy:3128/x", "http://proxy\n:3128", "http://me:hunter22@", "http://a b"]


@pytest.mark.parametrize("proxy", WRONG)
def test_what_is_no_proxy_is_refused_and_not_shown(github, play, environment, proxy):
    result = play("github_runners_info", proxy=proxy)
    assert result["failed"] and result["msg"] == "proxy: it is no address of a proxy; allowed: http://[USER:PASSWORD@]HOST[:PORT]"
    result = play("github_runners_info", proxy="http://proxy:3128", use_proxy=False)
    assert result["failed"] and result["msg"].startswith("proxy: got one beside use_proxy=false")
    assert github.exchanges == []


def test_a_netrc_does_not_take_the_place_of_the_token(github, acme, play, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert play("github_runners_info")["runners"] == []
