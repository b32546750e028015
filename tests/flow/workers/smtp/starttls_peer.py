#!/usr/bin/python3
"""An SMTP server with STARTTLS on 127.0.0.1 that answers each message with what it saw of it.

    starttls_peer.py PORT CERTIFICATE KEY [--refuses-clear]
"""
import logging
import ssl
import sys
import threading

from aiosmtpd.controller import Controller


class Handler:
    async def handle_DATA(self, server, session, envelope):
        tls = "tls" if session.ssl else "clear"
        return f"250 2.0.0 {tls} {len(envelope.rcpt_tos)} {len(envelope.original_content)} bytes"


def main():
    logging.disable()  # failed handshakes are wanted here
    port, certificate, key = sys.argv[1:4]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    Controller(Handler(), hostname="127.0.0.1", port=int(port), tls_context=context,
               require_starttls="--refuses-clear" in sys.argv[4:], data_size_limit=50_000_000).start()
    threading.Event().wait()


main()
