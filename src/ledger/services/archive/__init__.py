"""The log as a folder of files that need no server: C2SP tlog-tiles, with the checkpoints of the past beside it.

`docs/integrity.md` has the layout.
"""

from __future__ import annotations
