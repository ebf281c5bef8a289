"""A key range of the whole database by one RunQuery stream: dear per document, but needs to know nothing.

A stream that breaks is opened again behind the last document that arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import grpc

from shared.format.key import after_record, key_of_name
from shared.sources.firestore import requests
from shared.sources.firestore.answers import document_in
from shared.sources.firestore.counting import Range, range_query
from shared.sources.firestore.pages import Chunk
from shared.sources.firestore.service import Service

MOST_DOCUMENTS = 500
MOST_BYTES = 1 << 20


def stream(service: Service, span: Range, at: datetime) -> Iterator[Chunk]:
    """Documents in name order, in chunks of at most 500, of about 1 MiB."""
    retry = service.retry_reads("reading a range of documents")
    start, end = span
    while True:
        chunk: Chunk = ([], [])
        size = 0
        request = requests.run_query(service.documents, range_query(service, (start, end)), at)
        try:
            for raw in service.stream("RunQuery", request):
                found = document_in(raw, service.prefix)
                if found is None:
                    continue
                chunk[0].append(found[0])
                chunk[1].append(found[1])
                size += len(raw)
                if size >= MOST_BYTES or len(chunk[0]) >= MOST_DOCUMENTS:
                    yield chunk
                    retry.worked()
                    start = after_record(key_of_name(chunk[0][-1], 0))
                    chunk, size = ([], []), 0
        except grpc.RpcError as error:
            retry.failed(error)
        else:
            if chunk[0]:
                yield chunk
            return
