# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Appended to ssl.py: what Apple's 3.9.6 says about its library. The real one underneath stays.

OPENSSL_VERSION = "LibreSSL 2.8.3"
OPENSSL_VERSION_NUMBER = 0x20000000
OPENSSL_VERSION_INFO = (2, 0, 0, 0, 0)
HAS_TLSv1_3 = False
