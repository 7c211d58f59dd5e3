# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by every step. Gives: ROOT, OUTPUT, COLLECTIONS, say, die, find_python, need_setup.
# shellcheck shell=bash

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
OUTPUT="$ROOT/tests/output/gate"
COLLECTIONS="$ROOT/.ansible/collections"
COLLECTION="$COLLECTIONS/ansible_collections/action_packer/mac_runners"
# The newest first: what runs Ansible, and what a Mac has.
CONTROLLER_PYTHONS="3.13 3.12"
TARGET_PYTHON="3.9"
# shellcheck disable=SC2034  # used by the files that source this one
readonly ROOT OUTPUT COLLECTIONS COLLECTION CONTROLLER_PYTHONS TARGET_PYTHON

cd "$ROOT"
mkdir -p "$OUTPUT"

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# pyenv's shims answer to every name and then fail, so only real interpreters count.
python_candidates() {
    local minor="$1" pyenv_root="${PYENV_ROOT:-$HOME/.pyenv}" directory
    find "$pyenv_root/versions" -maxdepth 1 -name "$minor.*" 2>/dev/null | sort -Vr |
        while read -r directory; do printf '%s/bin/python%s\n' "$directory" "$minor"; done
    printf '%s' "$PATH" | tr ':' '\n' | while read -r directory; do
        case "$directory" in *.pyenv/shims* | "$pyenv_root"/shims*) continue ;; esac
        printf '%s/python%s\n' "$directory" "$minor"
    done
}

# Prints the first interpreter of the wanted versions that can make a venv; fails when there is none.
find_python() {
    local minor candidate
    for minor in "$@"; do
        while read -r candidate; do
            if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip, ssl, venv' 2>/dev/null; then
                printf '%s\n' "$candidate"
                return 0
            fi
        done < <(python_candidates "$minor")
    done
    return 1
}

need_setup() {
    local folder
    for folder in "$@"; do
        [ -e "$ROOT/$folder/.stamp" ] || die "$folder is missing: run 'make setup' (it says why when it cannot make it)"
    done
}
