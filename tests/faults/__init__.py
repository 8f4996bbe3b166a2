# SPDX-License-Identifier: Apache-2.0
"""Faults of disk, memory, descriptors, clock and clients: see README.md."""
