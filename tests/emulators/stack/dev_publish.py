"""Publishes one message to the topic of each function named."""

from __future__ import annotations

import sys

from google.cloud import pubsub_v1

if __name__ == "__main__":
    publisher = pubsub_v1.PublisherClient()
    for name in sys.argv[1:]:
        publisher.publish(f"projects/demo-firekeep/topics/topic-{name}", b"x").result(timeout=10)
