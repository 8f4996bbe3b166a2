# SPDX-License-Identifier: Apache-2.0
"""The grammar oracle: reads every byte a server sent and says what is ill-formed. See README.md."""
from .session import Session  # noqa: F401
from .grammar import Context, parse_response  # noqa: F401
from .lex import Bad, Splitter  # noqa: F401
