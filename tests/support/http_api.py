"""The HTTP API from outside: curl, and raw sockets for what curl would never send."""
import hashlib
import json
import secrets
import socket
import subprocess
import tempfile

import harness


DOCUMENT = json.loads((harness.ROOT / "ingest/http/openapi.json").read_text())
BOUNCER_DOCUMENT = json.loads((harness.ROOT / "bouncer/http/openapi.json").read_text())


def documented_path(document, path):
    """A path of the document, whose last part may be {id}."""
    start, end = path.rsplit("/", 1)
    inner = f"{start.rsplit('/', 1)[0]}/{{id}}/{end}"  # /v1/webhooks/{id}/test
    return (document["paths"].get(path) or document["paths"].get(inner)
            or (document["paths"].get(f"{start}/{{id}}", {}) if path != f"{start}/" else {}))


def check_documented(document, method, path, status, content_type, body):
    """What the door answered stands in the OpenAPI document: the status, its type, and the fields that must be there."""
    operation = documented_path(document, path.split("?")[0]).get(method.lower())
    if operation is None:
        assert status in (404, 405), f"{method} {path} is answered by {status}, and not documented"
        return
    answer = operation["responses"].get(str(status))
    assert answer, f"{method} {path}: {status} is not documented"
    assert content_type in answer["content"], f"{method} {path}: {status} comes as {content_type}"
    reference = answer["content"][content_type].get("schema", {}).get("$ref")
    if reference:
        schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        assert set(schema["required"]) <= set(body) <= set(schema["properties"]), f"{method} {path}: {status} has {sorted(body)}"


class Api:
    """A listener `api` of the HTTP protocol, and a key for it: put .listener and .settings into the settings file."""
    document = DOCUMENT

    def __init__(self, scheme="http", **limits):
        self.port, self.scheme = harness.free_port(), scheme
        self.key = secrets.token_urlsafe(32)
        self.poor_key = secrets.token_urlsafe(32)
        self.limited_key = secrets.token_urlsafe(32)
        rows = "".join(f", {name}: {value}" for name, value in limits.items())
        self.listener = f"}}, api: {{protocol: http, address: \"127.0.0.1:{self.port}\"{rows}"
        self.settings = (
            "api_keys:\n"
            f"  shop: {{sha256: {self.hash(self.key)}, tenant: acme, scopes: [send, read, recall]}}\n"
            f"  reader: {{sha256: {self.hash(self.poor_key)}, tenant: other, scopes: [read]}}\n"
            f"  limited: {{sha256: {self.hash(self.limited_key)}, scopes: [send], rate: 3}}\n")

    @staticmethod
    def hash(key):
        return hashlib.sha256(key.encode()).hexdigest()

    def curl(self, method, path, body=None, key=None, headers=(), seconds=30):
        """Gives (status, headers, parsed JSON or text)."""
        command = ["curl", "-sS", "-m", str(seconds), "-k", "-X", method, f"{self.scheme}://127.0.0.1:{self.port}{path}", "-D", "-", "-H", "Expect:"]
        key = self.key if key is None else key
        if key:
            command += ["-H", f"Authorization: Bearer {key}"]
        for header in headers:
            command += ["-H", header]
        with tempfile.NamedTemporaryFile() as file:
            if body is not None:
                if not isinstance(body, (bytes, str)):
                    body = json.dumps(body)
                    if not any(h.lower().startswith("content-type:") for h in headers):
                        command += ["-H", "Content-Type: application/json"]
                file.write(body.encode() if isinstance(body, str) else body)
                file.flush()
                command += ["--data-binary", f"@{file.name}"]
            done = subprocess.run(command, capture_output=True, check=True)
        head, _, text = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        is_json = "json" in fields.get("content-type", "") and "ndjson" not in fields["content-type"]
        status, answer = int(lines[0].split()[1]), json.loads(text) if is_json else text
        check_documented(self.document, method, path, status, fields.get("content-type"), answer)
        return status, fields, answer

    def raw(self, data, seconds=5, half_close=False):
        """Everything that comes back until the server hangs up or is silent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        got = b""
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                got += piece
        except (TimeoutError, ConnectionResetError):
            got += b"" if got else b"(nothing)"
        finally:
            connection.close()
        return got


class BouncerApi(Api):
    """A listener of the bouncer's: put .bouncer into its section, and .settings into the file. .key is everybody's, .acme_key a tenant's, .rival_key another's."""
    document = BOUNCER_DOCUMENT

    def __init__(self, serve="suppressions, events, alerts, webhooks"):
        super().__init__()
        self.acme_key, self.rival_key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.bouncer = f"listeners: {{api: {{address: \"127.0.0.1:{self.port}\", serve: [{serve}]}}}}"
        self.settings = (
            "api_keys:\n"
            f"  all: {{sha256: {self.hash(self.key)}, scopes: [read, suppress, events, webhooks, recall]}}\n"
            f"  acme: {{sha256: {self.hash(self.acme_key)}, tenant: acme, scopes: [read, suppress, events, webhooks, recall]}}\n"
            f"  rival: {{sha256: {self.hash(self.rival_key)}, tenant: rival, scopes: [webhooks]}}\n"
            f"  reader: {{sha256: {self.hash(self.poor_key)}, tenant: other, scopes: [send]}}\n")
