#!/usr/bin/python3
"""Prints results as they come, from a queue of its own.

    results.py AMQP_URL [PATTERN] [COUNT]      PATTERN: delivered.# , bounced.*.gmail , # (default)

Needs Debian's python3-pika, python3-protobuf and protobuf-compiler. A result may come twice after a fault: keep what you have seen by
(id, recipient, attempt)."""
import json
import pathlib
import subprocess
import sys
import tempfile

import pika

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"


def schema():
    """leveret_pb2 from leveret.proto; a program of your own would generate it once, at its build."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--python_out={folder}", f"-I{SCHEMAS}", str(SCHEMAS / "leveret.proto")], check=True)
        sys.path.insert(0, folder)
        import leveret_pb2
        return leveret_pb2


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    url = sys.argv[1]
    pattern = sys.argv[2] if len(sys.argv) > 2 else "#"
    left = int(sys.argv[3]) if len(sys.argv) > 3 else -1
    leveret = schema()
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "leveret.results", pattern)
    print("following", file=sys.stderr, flush=True)
    for method, _, body in channel.consume(queue):
        batch = leveret.ResultBatch()
        batch.ParseFromString(body)
        for result in batch.results:
            print(json.dumps({
                "event": leveret.EventKind.Name(result.event).lower(), "recipient": result.recipient.decode(), "code": result.code,
                "text": result.text.decode(), "remote": result.remote_address.decode(), "attempt": result.attempt, "id": result.id.decode(),
            }), flush=True)
            left -= 1
            if left == 0:
                return
        channel.basic_ack(method.delivery_tag)


if __name__ == "__main__":
    main()
