#!/usr/bin/python3
"""Prints results as they come, from a queue of its own, where the settings have `broker: {json_copies: results}`: without a schema.

    results_json.py AMQP_URL [PATTERN] [COUNT]      PATTERN: delivered.# , bounced.*.gmail , # (default)

Needs Debian's python3-pika. A result may come twice after a fault: keep what you have seen by (id, recipient, attempt)."""
import json
import sys

import pika


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    url = sys.argv[1]
    pattern = sys.argv[2] if len(sys.argv) > 2 else "#"
    left = int(sys.argv[3]) if len(sys.argv) > 3 else -1
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "leveret.results.json", pattern)
    print("following", file=sys.stderr, flush=True)
    for method, _, body in channel.consume(queue):
        for result in json.loads(body):
            print(json.dumps(result), flush=True)
            left -= 1
            if left == 0:
                return
        channel.basic_ack(method.delivery_tag)


if __name__ == "__main__":
    main()
