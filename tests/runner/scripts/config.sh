#!/bin/sh
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Configures this runner, or with "remove" as the first word takes it away.

if [ "$(id -u)" = 0 ] && [ -z "${RUNNER_ALLOW_RUNASROOT:-}" ]; then
    echo "Must not run with sudo"
    exit 1
fi
cd "$(dirname "$0")" || exit 1
. ./env.sh
case "${1:-}" in
    [Rr][Ee][Mm][Oo][Vv][Ee])
        shift
        exec ./bin/Runner.Listener remove "$@"
        ;;
    *) exec ./bin/Runner.Listener configure "$@" ;;
esac
