#!/bin/sh
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a service of the system starts.

cd "$(dirname "$0")/.." || exit 1
if [ -f .path ]; then PATH="$(cat .path)" && export PATH; fi
trap 'kill -INT "$listener"' TERM INT
./bin/Runner.Listener run --startuptype service &
listener=$!
wait "$listener"
wait "$listener"
