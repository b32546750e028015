#!/usr/bin/python3
"""Sends a mail of its own to each of many, by the HTTP API: one request for up to 10,000 recipients, who are read as CSV.

    LEVERET_KEY=secret submit_batch.py https://mta.example:8443 FROM BATCH < recipients.csv

The file's first line names its columns: `email`, and others that the template below may use (`name`). BATCH is a name of your own for
this batch ("spring-1"): run again under the same name, it sends nothing twice. Needs nothing but Python."""
import csv
import json
import os
import sys
import time
import urllib.error
import urllib.request

TRIES = 10


def ask(url, body, batch):
    """The answer. What may pass is asked again, under the same Idempotency-Key."""
    request = urllib.request.Request(url + "/v1/transmissions", json.dumps(body).encode(), {
        "Authorization": "Bearer " + os.environ["LEVERET_KEY"], "Content-Type": "application/json", "Idempotency-Key": batch})
    for left in reversed(range(TRIES)):
        wait = 5
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:  # a problem document says why
            if error.code not in (409, 429, 503) or not left:
                sys.exit(f"{error.code}: {error.read().decode()}")
            wait = int(error.headers.get("Retry-After", wait))
        except OSError as error:
            if not left:
                sys.exit(f"no answer: {error}")
        time.sleep(wait)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    url, sender, batch = sys.argv[1:]
    recipients = [{"address": row["email"], "substitution_data": row} for row in csv.DictReader(sys.stdin)]
    answer = ask(url, {
        "campaign_id": batch,
        "recipients": recipients,
        "content": {
            "from": sender,
            "subject": "Hello {{name}}",
            "text": "Dear {{name}},\n\nit is on its way.\n",
            "html": "<p>Dear {{name}},</p><p>it is on its way.</p>",  # values are escaped here
        },
    }, batch)
    for recipient in answer["results"]["recipients"]:
        print(json.dumps(recipient))


if __name__ == "__main__":
    main()
