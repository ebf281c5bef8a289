"""Writes docs/functions.md from the function table and the roles: `python -m tools.functions_page [FOLDER]`.

A test fails while the file differs from what they say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cli.deployment.page import page

if __name__ == "__main__":
    (Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "docs" / "functions.md").write_text(
        page(), encoding="utf-8"
    )
