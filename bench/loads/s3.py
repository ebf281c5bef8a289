"""`python -m bench.loads.s3 BUCKET`: an S3 server with one bucket, from the package moto."""

from __future__ import annotations

import logging
import sys
import threading
import urllib.request


def main() -> None:
    from moto.server import ThreadedMotoServer

    logging.disable(logging.INFO)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    request = urllib.request.Request(f"http://{host}:{port}/{sys.argv[1]}", method="PUT")
    urllib.request.urlopen(request, timeout=20).close()
    sys.stdout.write(f"s3 ready {host}:{port}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
