# SPDX-License-Identifier: Apache-2.0
"""peers: random commands to Mansio and to another server, and what their answers mean."""
