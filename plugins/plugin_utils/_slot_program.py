# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""Building the slot program: one zip that a Mac's Python runs, the same bytes for the same sources, wherever and whenever.

    python -m ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program FILE
"""

from __future__ import annotations

import ast
import io
import os
import pathlib
import sys
import typing as t
import zipfile

_PACKAGE = "ansible_collections.action_packer.mac_runners."
_ENTRY = _PACKAGE + "roles.runner.files.slot.program"
#: Zip knows no earlier time.
_TIME = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16
#: Puts what the program's folder has compiled for this Python before the sources; see the slot's module compiled.
_MAIN = f"""import os
import sys

folder = os.path.dirname(os.path.realpath(sys.path[0]))
sys.path.insert(0, os.path.join(folder, f"compiled.{{sys.implementation.cache_tag}}.zip"))

from {_ENTRY} import main

sys.exit(main(sys.argv))
"""


def build(root: pathlib.Path) -> bytes:
    """The program, from the collection in ``root``: its entry and all of the collection that it imports, however late."""
    content = {path.replace(".", "/") + ".py": source for path, source in _sources(root).items()}
    folders = {parent for path in content for parent in pathlib.PurePosixPath(path).parents if parent.name}
    content.update((f"{folder}/__init__.py", b"") for folder in folders)
    content["__main__.py"] = _MAIN.encode()
    buffer = io.BytesIO()
    # Stored, not deflated: what deflate makes differs between versions of zlib.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, source in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            # Otherwise it is that of the machine that builds.
            entry.create_system = 3
            entry.external_attr = _FILE
            archive.writestr(entry, source)
    return buffer.getvalue()


def _sources(root: pathlib.Path) -> t.Dict[str, bytes]:
    """The modules, by their dotted names."""
    found: t.Dict[str, bytes] = {}
    wanted = [_ENTRY]
    while wanted:
        name = wanted.pop()
        path = root / (name[len(_PACKAGE) :].replace(".", os.sep) + ".py")
        if name not in found and path.is_file():
            found[name] = path.read_bytes()
            wanted += _imports(found[name])
    return found


def _imports(source: bytes) -> t.Iterator[str]:
    """What a module imports of the collection, also inside functions; some names may be no modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main(argv: t.Sequence[str]) -> int:
    """Write the program to a file; the exit code."""
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    pathlib.Path(argv[1]).write_bytes(build(pathlib.Path(__file__).resolve().parents[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
