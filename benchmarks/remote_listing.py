"""Listing 10,000 and 100,000 pictures of a store: time, requests and memory, beside fsspec's `find`.

    python benchmarks/remote_listing.py [--small 10000] [--large 100000]

The store is moto's server of S3 in a process of its own; each listing runs in another one. Memory is how much the resident set of that
process grows while it lists, at its largest. moto sorts all keys for each page, so that most of the time of a long listing is moto's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

BUCKET = "photos"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--role", choices=("server", "listing", "find"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role == "server":
        serve(arguments.large)
    elif arguments.role is not None:
        report(arguments.role)
    else:
        compare((arguments.small, arguments.large))


def compare(counts: tuple[int, int]) -> None:
    grown: dict[tuple[str, int], float] = {}
    for count in counts:
        server, port = started(count)
        environment = {**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        try:
            for role in ("listing", "find"):
                command = [sys.executable, __file__, "--role", role]
                told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
                found, first, seconds, mib, requests = told.split()
                assert int(found) == count, f"{found} of {count} pictures were listed"
                grown[role, count] = float(mib)
                print(
                    f"{role:>8} {count:>7,} pictures: the first after {float(first):6.2f} s, all after {float(seconds):6.1f} s,"
                    f" {requests} requests, memory grows by {float(mib):6.1f} MiB",
                    flush=True,
                )
        finally:
            server.kill()
            server.wait()
    small, large = counts
    more = {role: grown[role, large] - grown[role, small] for role in ("listing", "find")}
    print(
        f"{large - small:,} more pictures take {more['listing']:.1f} MiB more; held as a whole (find) {more['find']:.1f} MiB more"
    )


def started(count: int) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, __file__, "--role", "server", "--large", str(count)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


def serve(count: int) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(BUCKET, "us-east-1")
    for number in range(count):
        backend.put_object(BUCKET, f"2019/{number // 1_000:04}/{number:08}.jpg", b"x")
    quiet = type("Quiet", (MotoRequestHandler,), {"log": lambda self, *args, **kwargs: None})
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


def report(role: str) -> None:
    """List, and print how many pictures there are, seconds to the first and to all, MiB grown, and requests."""
    from milvise.ingest.sources import open_source
    from milvise.ingest.sources.remote import stores
    from milvise.ingest.sources.remote.traffic import TRAFFIC

    url = f"s3://{BUCKET}/2019"
    # What is imported and opened once is no part of a listing.
    next(iter(open_source(url)))
    before, asked = peak_mib(), TRAFFIC.requests
    started = time.monotonic()
    first, count = 0.0, 0
    if role == "listing":
        for _ in open_source(url):
            count += 1
            first = first or time.monotonic() - started
    else:
        files, path = stores._store(url)
        count = len(files.find(path, detail=True))
        first = time.monotonic() - started
    print(count, first, time.monotonic() - started, peak_mib() - before, TRAFFIC.requests - asked or "?")


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
