"""An ordered map from key bytes to value bytes, immutable and content-addressed: a prolly tree.

The same entries give the same root however they came together: from one stream, from the runs of many workers,
or by edits. A tree is named by its `Root`; its blobs are kept by a `BlobWriter`, which shares what is equal.

Build with `build`, or `build_run` and `join`, or `edit`; read with `get`, `scan`, `leaves`, `count_range`,
`split`; compare with `diff`; check with `verify`.
"""

from __future__ import annotations

from shared.format.chunker import Chunking
from shared.format.node import Batch, Ref, Root
from shared.repository.tree.build import build
from shared.repository.tree.diff import Change, diff
from shared.repository.tree.edit import Edit, edit
from shared.repository.tree.read import count_range, get, leaves, scan, split
from shared.repository.tree.run import Run, build_run, decode_run, encode_run, join
from shared.repository.tree.verify import Problem, verify

__all__ = [
    "Batch",
    "Change",
    "Chunking",
    "Edit",
    "Problem",
    "Ref",
    "Root",
    "Run",
    "build",
    "build_run",
    "count_range",
    "decode_run",
    "diff",
    "edit",
    "encode_run",
    "get",
    "join",
    "leaves",
    "scan",
    "split",
    "verify",
]
