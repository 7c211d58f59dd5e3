# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""container: what it says of itself and of its containers; it starts none. Shapes differ by version, as upstream's did."""

from __future__ import annotations

import json
from typing import Any

from standins.call import Call, Fail, Unexpected
from standins.mac import read_store
from standins.tart_options import version_of

_DOWN = (
    'Error: interrupted: "internalError: XPC connection error: Connection invalid\\nEnsure container system service has been started with '
    '`container system start`."\n'
)
_NESTED_STATUS = (1, 4, 1)
_NESTED_LIST = (1, 0, 0)


def container(call: Call) -> int:
    words = call.argv
    if words == ["--version"]:
        call.out(f"container CLI version {call.version} (build: release, commit: abcdef0)\n")
        return 0
    if words[:2] == ["system", "version"]:
        return _system_version(call, words[2:])
    if words[:2] == ["system", "status"]:
        return _status(call, words[2:])
    if words[:1] in (["list"], ["ls"]):
        return _list(call, words[1:])
    if words[:1] == ["inspect"] and len(words) > 1:
        _need_service()
        found = [_shape(call, row) for row in _rows() if row["id"] in words[1:]]
        call.out(json.dumps(found, sort_keys=True, indent=2).replace("/", "\\/") + "\n")
        return 0
    raise Unexpected("this form")


def _state() -> str:
    return read_store("container.json", {"status": "running", "containers": []})["status"]


def _rows() -> list[dict[str, Any]]:
    return read_store("container.json", {"status": "running", "containers": []})["containers"]


def _need_service() -> None:
    if _state() != "running":
        raise Fail(1, _DOWN)


def _system_version(call: Call, words: list[str]) -> int:
    if words != ["--format", "json"]:
        raise Unexpected("only --format json is known")
    rows = [{"version": call.version, "buildType": "release", "commit": "abcdef0", "appName": "container"}]
    if _state() == "running":
        rows.append({"version": f"container-apiserver version {call.version}", "buildType": "release", "commit": "abcdef0", "appName": "container-apiserver"})
    call.out(json.dumps(rows) + "\n")
    return 0


def _status(call: Call, words: list[str]) -> int:
    state = _state()
    if words not in ([], ["--format", "json"]):
        raise Unexpected("only --format json is known")
    if not words:
        call.out("apiserver is running\n" if state == "running" else f"apiserver is {state} and not registered with launchd\n")
        return 0 if state == "running" else 1
    up = state == "running"
    paths = {"appRoot": "/var/root/Library/Application Support/com.apple.container/" if up else "", "installRoot": "/usr/local/" if up else ""}
    server = {
        "apiServerVersion": f"container-apiserver version {call.version}" if up else "", "apiServerCommit": "abcdef0" if up else "",
        "apiServerBuild": "release" if up else "", "apiServerAppName": "container-apiserver" if up else "",
    }
    if version_of(call.version) >= _NESTED_STATUS:
        answer = {"status": state, "server": server, "paths": paths} if up else {"status": state}
    else:
        answer = {"status": state, **paths, **server}
    call.out(json.dumps(answer).replace("/", "\\/") + "\n")
    return 0 if up else 1


def _list(call: Call, words: list[str]) -> int:
    quiet = [word for word in words if word in ("-q", "--quiet")]
    every = [word for word in words if word in ("-a", "--all")]
    rest = [word for word in words if word not in (*quiet, *every)]
    if rest not in ([], ["--format", "json"], ["--format", "table"]):
        raise Unexpected(f"words {rest}")
    _need_service()
    rows = [row for row in _rows() if every or row.get("state", "running") == "running"]
    if quiet:
        call.out("".join(f"{row['id']}\n" for row in rows))
    elif rest == ["--format", "json"]:
        call.out(json.dumps([_shape(call, row) for row in rows], sort_keys=True, separators=(",", ":")).replace("/", "\\/") + "\n")
    else:
        call.out("ID  IMAGE  OS  ARCH  STATE  ADDR\n")
        call.out("".join(f"{row['id']}  {row.get('image', '')}  linux  arm64  {row.get('state', 'running')}  \n" for row in rows))
    return 0


def _shape(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """A seed's container {id, image, cpus, memory (bytes), state, labels} as this version lists it."""
    configuration = {
        "id": row["id"], "image": {"reference": row.get("image", "docker.io/library/alpine:latest"), "descriptor": {
            "mediaType": "application/vnd.oci.image.index.v1+json", "digest": "sha256:" + "0" * 64, "size": 1}},
        "mounts": [], "publishedPorts": [], "labels": row.get("labels", {}), "rosetta": False, "ssh": False, "virtualization": False,
        "platform": {"os": "linux", "architecture": "arm64"}, "runtimeHandler": "container-runtime-linux",
        "resources": {"cpus": row.get("cpus", 4), "memoryInBytes": row.get("memory", 1 << 30)},
    }
    networks = [{"network": "default", "hostname": row["id"], "ipv4Address": "192.168.64.3/24", "ipv4Gateway": "192.168.64.1"}]
    state = row.get("state", "running")
    if version_of(call.version) >= _NESTED_LIST:
        return {"id": row["id"], "configuration": configuration, "status": {"state": state, "networks": networks}}
    return {"configuration": configuration, "status": state, "networks": networks}


TOOLS = {"container": container}
