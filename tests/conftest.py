# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests written in Python find the packages dev, guest and lint, and ledger, here."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
