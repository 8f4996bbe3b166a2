# SPDX-License-Identifier: Apache-2.0
"""What all python suites share: a client whose every byte the oracle reads, and servers to test against."""
