#!/usr/bin/python3
"""Prints results in MailerQ's form, from the queue `results`.

    mailerq_results.py AMQP_URL [COUNT]

Needs Debian's python3-pika, and a Leveret with `mailerq: {enabled: true}` (docs/mailerq.md)."""
import json
import sys

import pika


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    left = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
    channel.queue_declare("results", durable=True)
    for method, _, body in channel.consume("results"):
        message = json.loads(body)
        last = message["results"][-1]
        is_delivered = last["state"] == "message" and last["result"] == "accepted"
        print(json.dumps({"delivered": is_delivered, "recipient": message["recipient"], "delivery_id": message.get("delivery_id"), **last}), flush=True)
        channel.basic_ack(method.delivery_tag)
        left -= 1
        if left == 0:
            return


if __name__ == "__main__":
    main()
