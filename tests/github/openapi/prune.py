# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes github.json from the npm package @octokit/openapi, unpacked: prune.py PACKAGE_FOLDER. See PROVENANCE.md."""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys
import typing as t

VERSION = "23.0.2"
SOURCES = {
    "api.github.com.json": "829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a",
    "ghec.json": "3224a411049a9d421d42ae8575172d4cb4778f4a978afddd030168aaf6f3dd51",
}
PLACES = ("/orgs/{org}/", "/repos/{owner}/{repo}/", "/enterprises/{enterprise}/")
SUBJECTS = ("actions/runners", "actions/runner-groups")
OTHERS = (
    "/app/installations/{installation_id}/access_tokens",
    "/orgs/{org}/installation",
    "/rate_limit",
    "/repos/{owner}/{repo}/installation",
)

Json = t.Any


def chosen(path: str) -> bool:
    return path in OTHERS or any(path.startswith(place) and path[len(place) :].startswith(SUBJECTS) for place in PLACES)


def without_examples(node: Json) -> Json:
    if isinstance(node, dict):
        return {key: without_examples(value) for key, value in node.items() if key != "examples" or not isinstance(value, dict)}
    return [without_examples(value) for value in node] if isinstance(node, list) else node


def references(node: Json) -> t.Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def read(folder: pathlib.Path, name: str) -> Json:
    content = (folder / "generated" / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != SOURCES[name]:
        raise SystemExit(f"{name} is not that of @octokit/openapi {VERSION}")
    return without_examples(json.loads(content))


def closure(paths: Json, *documents: Json) -> Json:
    """The components that the paths reach; those of the first document win."""
    found: dict[str, dict[str, Json]] = {}
    waiting = list(references(paths))
    while waiting:
        _hash, _components, kind, name = waiting.pop().split("/")
        if name not in found.setdefault(kind, {}):
            found[kind][name] = next(doc["components"][kind][name] for doc in documents if name in doc["components"].get(kind, {}))
            waiting += references(found[kind][name])
    return {kind: dict(sorted(entries.items())) for kind, entries in sorted(found.items())}


def main(folder: pathlib.Path) -> None:
    public, cloud = read(folder, "api.github.com.json"), read(folder, "ghec.json")
    paths = {path: item for path, item in public["paths"].items() if chosen(path)}
    paths.update((path, item) for path, item in cloud["paths"].items() if chosen(path) and path.startswith("/enterprises/"))
    info = {
        "title": "GitHub REST API, the part about self-hosted runners",
        "version": VERSION,
        "description": "Selected from @octokit/openapi, unmodified but for the selection, examples left out, info and servers.",
        "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT"},
    }
    document = {
        "openapi": public["openapi"],
        "info": info,
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": closure(paths, public, cloud),
    }
    target = pathlib.Path(__file__).with_name("github.json")
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
