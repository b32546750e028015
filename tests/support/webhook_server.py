"""A receiver of webhooks: an HTTP or HTTPS server that checks every signature by itself (Standard Webhooks, with Python's hmac) and keeps what it
was told. Its behaviour may be changed at any time."""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time


def new_secret(text):
    return "whsec_" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Receiver:
    def __init__(self, port, secret, certificate=None):
        self.port, self.key = port, base64.b64decode(secret.removeprefix("whsec_"))
        self.lock = threading.Lock()
        self.events, self.repeats = {}, 0     # those answered by 2xx, by their id
        self.requests = []                    # (id, status, number of events, time)
        self.faults = []
        self.statuses = collections.deque()   # of the next requests; then `status`
        self.status, self.delay, self.headers = 200, 0, {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(self, body)
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def is_signed(self, handler, body):
        signed = f"{handler.headers['webhook-id']}.{handler.headers['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        return (abs(time.time() - int(handler.headers["webhook-timestamp"])) < 60
                and wanted in handler.headers["webhook-signature"].split(" "))

    def take(self, handler, body):
        if self.delay:
            time.sleep(self.delay)
        events = json.loads(body)
        with self.lock:
            status = self.statuses.popleft() if self.statuses else self.status
            self.requests.append((handler.headers["webhook-id"], status, len(events), time.monotonic()))
            if not self.is_signed(handler, body):
                self.faults.append("signature")
            if handler.headers["Content-Type"] != "application/json":
                self.faults.append("type")
            if status < 300:
                for event in events:
                    self.repeats += event["id"] in self.events
                    self.events[event["id"]] = event
        return status

    def recipients(self, kind=None):
        with self.lock:
            return {e["result"]["recipient"] for e in self.events.values() if "result" in e and kind in (None, e["kind"])}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
