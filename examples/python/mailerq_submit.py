#!/usr/bin/python3
"""Publishes one message as programs made for MailerQ do: JSON, into a queue that the program declares itself.

    mailerq_submit.py AMQP_URL FROM TO < message.eml

Needs Debian's python3-pika, and a Leveret with `mailerq: {enabled: true}` (docs/mailerq.md)."""
import json
import sys

import pika


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    url, sender, recipient = sys.argv[1:]
    message = {
        "envelope": sender,
        "recipient": recipient,
        "mime": sys.stdin.read(),
        "tags": ["example"],
        "delivery_id": 42,  # any property of your own comes back in every result
    }
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("outbox", durable=True)
    channel.basic_publish("", "outbox", json.dumps(message), pika.BasicProperties(delivery_mode=2))
    connection.close()
    print(f"published for {recipient}")


if __name__ == "__main__":
    main()
