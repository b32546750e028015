#!/usr/bin/python3
"""Submits one message to Leveret through RabbitMQ.

    submit.py AMQP_URL FROM TO [TO...] < message.eml

Needs Debian's python3-pika. A submission is kept once the broker confirms it; `mandatory` makes a missing queue an error."""
import json
import sys

import pika


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    url, sender, *recipients = sys.argv[1:]
    submission = {
        "sender": sender,
        "recipients": recipients,
        "mime": sys.stdin.read(),
        "metadata": {"example": "submit.py"},  # comes back in every result
    }
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish("leveret.submit", "bulk", json.dumps(submission),
                          pika.BasicProperties(content_type="application/json", delivery_mode=2), mandatory=True)
    connection.close()
    print(f"submitted for {', '.join(recipients)}")


if __name__ == "__main__":
    main()
