#!/bin/sh
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs the listener again and again, as its exit codes ask; says itself 0 for nearly everything.

root="$(cd "$(dirname "$0")" && pwd)" || exit 1

round() {
    cp -f "$root/run-helper.sh.template" "$root/run-helper.sh" && chmod 755 "$root/run-helper.sh" || exit 1
    if [ -n "${RUNNER_MANUALLY_TRAP_SIG:-}" ]; then
        set -m
        "$root/run-helper.sh" "$@" &
        helper=$!
        trap 'kill -INT -"$helper"' INT TERM
        wait "$helper"
        code=$?
        # A signal ends the first wait, not the helper.
        while kill -0 "$helper" 2>/dev/null; do
            wait "$helper"
            code=$?
        done
        return "$code"
    fi
    "$root/run-helper.sh" "$@"
}

while :; do
    # shellcheck disable=SC2048,SC2086  # as the real one does
    round $*
    code=$?
    case "$code" in
        2) echo "Restarting runner..." ;;
        7) [ "${ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE:-}" = 1 ] && exit 7 || exit 0 ;;
        *)
            echo "Exiting runner..."
            exit 0
            ;;
    esac
done
