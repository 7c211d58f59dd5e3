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

# make_venv FOLDER LOCK VERSION...: pinned and hashed; the stamp holds what it was made from.
make_venv() {
    local folder="$1" lock="tests/requirements/$2.txt" want started=$SECONDS python
    shift 2
    want="$(cksum <"$lock") $*"
    if [ "$(cat "$folder/.stamp" 2>/dev/null || true)" = "$want" ]; then
        return 0
    fi
    python="$(find_python "$@")" || return 1
    say "setup: making $folder with $python ..."
    "$python" -m venv --clear "$folder"
    if ! "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: \
        -r "$lock" >"$OUTPUT/setup-pip.log" 2>&1 </dev/null; then
        tail -5 "$OUTPUT/setup-pip.log" >&2
        die "pip could not install $lock into $folder (whole output: $OUTPUT/setup-pip.log)"
    fi
    printf '%s\n' "$want" >"$folder/.stamp"
    say "setup: $folder is ready ($((SECONDS - started)) s)"
}

need_setup() {
    local folder
    for folder in "$@"; do
        [ -e "$ROOT/$folder/.stamp" ] || die "$folder is missing: run 'make setup' (it says why when it cannot make it)"
    done
}

# Last line of a step: how many single checks it holds. The runner adds them up.
tally() { printf 'gate: %s passed, %s failed, %s skipped\n' "$1" "$2" "${3:-0}"; }

# run_pytest PYTHON NAME ARGUMENT...: counts come from pytest's own report, so that nothing is counted twice or not at all.
# Tests that are marked long are for the soak, unless an argument says -m.
run_pytest() {
    local python="$1" report="$OUTPUT/$2.xml" rc=0
    shift 2
    rm -f "$report"
    "$python" -m pytest -q -m "not long" --junitxml="$report" "$@" </dev/null || rc=$?
    if [ -s "$report" ]; then
        "$ROOT/.venv/bin/python" - "$report" <<'PYTHON'
import sys
import xml.etree.ElementTree as ElementTree

suites = list(ElementTree.parse(sys.argv[1]).getroot().iter("testsuite"))
total, failures, errors, skipped = (sum(int(s.get(k, 0)) for s in suites) for k in ("tests", "failures", "errors", "skipped"))
print(f"gate: {total - failures - errors - skipped} passed, {failures + errors} failed, {skipped} skipped")
PYTHON
    fi
    return "$rc"
}

# stage FOLDER: copies what git knows or would take into FOLDER/ansible_collections/action_packer/mac_runners and prints that path.
# ansible-test refuses symlinked trees and walks everything it finds, so it gets a copy of the sources alone.
stage() {
    local target="$1/ansible_collections/action_packer/mac_runners"
    mkdir -p "$target"
    # The copy keeps its own tests/output, where ansible-test has its caches.
    find "$target" -mindepth 1 -maxdepth 1 ! -name tests ! -name .git -exec rm -rf {} +
    find "$target" -mindepth 2 -maxdepth 2 -path '*/tests/*' ! -name output -exec rm -rf {} +
    git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
        if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
    done | tar -cf - --null -T - | tar -xf - -C "$target"
    # Inside another repository ansible-test would ask that one, which ignores the copy, and test nothing.
    git init -q "$target"
    printf '%s\n' "$target"
}

# What ansible-test needs here: a home of its own (its caches are removed by make clean), its download of pip replaced by
# the pip that every Python bundles, and real interpreters of each version in front of pyenv's shims on PATH.
# ansible_test_environment [CORE]: with the ansible-core of .venv, or of .venv-CORE.
ansible_test_environment() {
    local venv="$ROOT/.venv${1:+-$1}" home="$ROOT/.cache/ansible-test${1:+-$1}" minor python version
    mkdir -p "$home/.ansible/test/cache" "$home/bin"
    version="$(sed -n "s/^ *pip='\([0-9.]*\)',.*/\1/p" "$venv"/lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py)"
    [ -n "$version" ] || die "cannot find the version of pip that ansible-test wants"
    cp "$ROOT/tests/gate/get_pip.py" "$home/.ansible/test/cache/get_pip_${version//./_}.py"
    for minor in 3.9 3.10 3.11 3.12 3.13 3.14; do
        if python="$(find_python "$minor")"; then ln -sfn "$python" "$home/bin/python$minor"; fi
    done
    for minor in 3.9 3.13; do
        [ -x "$home/bin/python$minor" ] || die "sanity needs Python $minor, found neither under pyenv nor on PATH"
    done
    if [ -d "${HOME:-/nonexistent}/.config/pip" ]; then mkdir -p "$home/.config" && ln -sfn "$HOME/.config/pip" "$home/.config/pip"; fi
    export HOME="$home"
    PATH="$venv/bin:$home/bin:$(printf '%s' "$PATH" | tr ':' '\n' | grep -v 'pyenv.*/shims' | paste -sd: -)"
    export PATH
}
