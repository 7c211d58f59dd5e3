# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

from __future__ import annotations


class ModuleDocFragment:
    """The options by which GitHub is reached, shared by every module that asks it."""

    DOCUMENTATION = r"""
requirements:
  - cryptography, when O(app.key) is used
options:
  url:
    description:
      - Where runners register, as a browser shows it. That is a repository C(https://github.com/OWNER/REPOSITORY), an
        organisation C(https://github.com/ORGANISATION), an enterprise C(https://github.com/enterprises/ENTERPRISE), or the same
        on C(https://SUBDOMAIN.ghe.com) or on a GitHub Enterprise Server.
      - A trailing slash and a trailing C(.git) are dropped.
    type: str
    required: true
  token:
    description:
      - A token of GitHub. A classic one needs the scope C(repo) for a repository, C(admin:org) for an organisation,
        C(manage_runners:enterprise) for an enterprise. A fine-grained one needs the permission Administration of the repository
        or Self-hosted runners of the organisation.
      - It is only ever sent to the API of O(url), never to another host.
      - Exactly one of O(token) and O(app) must be given.
    type: str
  app:
    description:
      - A GitHub App that is installed on the target. It needs nothing but the permission C(administration) of the repository or
        C(organization_self_hosted_runners) of the organisation.
      - GitHub has no permission by which an App could manage the runners of an enterprise.
    type: dict
    suboptions:
      client_id:
        description:
          - The client id of the App.
        type: str
        required: true
      key_file:
        description:
          - The file with the App's private key, on the machine that runs the module. Its mode should be V(0600).
          - Where the Python library C(cryptography) is missing, C(/usr/bin/openssl) signs with it.
          - Exactly one of O(app.key) and O(app.key_file) must be given.
        type: path
      key:
        description:
          - The App's private key itself, for instance from Ansible Vault.
        type: str
      installation_id:
        description:
          - The number of the App's installation. It is looked up when not given.
        type: int
  validate_certs:
    description:
      - Whether the certificate of the server is checked. Without that anybody on the way can take the credential.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates of a private certificate authority.
    type: path
  use_proxy:
    description:
      - Whether the proxies of the environment (E(HTTPS_PROXY), E(NO_PROXY)) are used.
    type: bool
    default: true
  proxy:
    description:
      - The proxy through which GitHub is reached, such as C(http://proxy:3128), with a name and a password where it wants them. It
        takes the place of those of the environment.
    type: str
  timeout:
    description:
      - Seconds to wait for an answer.
    type: int
    default: 30
  max_wait:
    description:
      - Seconds to wait in all when GitHub's rate limits ask for it. When they ask for more, the module fails.
    type: int
    default: 300
"""

    # For modules that change runners of ours, and no others.
    OURS = r"""
options:
  name_prefixes:
    description:
      - How the names of our runners begin, usually C(<mac>-) for each Mac of the fleet. At least three characters each.
      - A runner is ours when its name begins with one of them B(and) it carries the label of O(fleet). Nothing else is ever changed or
        removed.
    type: list
    elements: str
    required: true
  fleet:
    description:
      - Whose Macs these are, as for M(action_packer.mac_runners.mac_admission). Its runners carry the label C(managed-by:<fleet>).
    type: str
    required: true
"""
