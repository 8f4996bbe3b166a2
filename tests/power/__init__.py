# SPDX-License-Identifier: Apache-2.0
"""Power cuts: see README.md."""
