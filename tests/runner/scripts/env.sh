#!/bin/sh
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Keeps the PATH of now, and some of the environment, for the time when this runner is started by somebody else.

printf '%s\n' "$PATH" >.path
touch .env
for name in LANG JAVA_HOME ANT_HOME M2_HOME ANDROID_HOME; do
    eval "value=\${$name:-}"
    # shellcheck disable=SC2154  # set by eval
    if [ -n "$value" ] && ! grep -q "^$name=" .env; then printf '%s=%s\n' "$name" "$value" >>.env; fi
done
