"""Mail hosts with certificates of every kind, and the host of MTA-STS policies."""
import http.server
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class MailHost(Controller):
    """Takes all mail and remembers how it came, and by which names it was asked for. Without a certificate it does not offer STARTTLS. Without
    an authority it asks for no certificate; with one, OpenSSL sends that in its own chain, too."""

    def __init__(self, label, address, port, files, authority, taken):
        self.label, self.taken, self.names, self.context = label, taken, set(), None
        if files:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*map(str, files))
            if authority:
                self.context.verify_mode = ssl.CERT_OPTIONAL
                self.context.load_verify_locations(str(authority.file))
            self.context.sni_callback = lambda connection, name, context: self.names.add(name)
        super().__init__(self, hostname=address, port=port)
        self.start()

    def factory(self):
        return SMTP(self, tls_context=self.context)

    async def handle_DATA(self, server, session, envelope):
        tls = server.transport.get_extra_info("ssl_object")
        for recipient in envelope.rcpt_tos:
            self.taken.append({"host": self.label, "recipient": recipient, "tls": tls is not None,
                               "resumed": bool(tls and tls.session_reused),
                               "certificate": bool(tls and tls.getpeercert())})
        return "250 2.0.0 taken"


def server_context(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, files))
    return context


class PolicyHost:
    """https://mta-sts.<domain>/.well-known/mta-sts.txt for all domains; answers: host -> (status, type, body). `others`: certificates of hosts that
    have their own: host -> files."""

    def __init__(self, address, port, files, others):
        self.answers, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers["Host"].split(":")[0]
                outer.asked.append(host)
                status, kind, body = outer.answers.get(host, (404, "text/plain", ""))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        context = server_context(files)
        contexts = {host: server_context(its) for host, its in others.items()}

        def choose(connection, name, _):
            connection.context = contexts.get(name, context)

        context.sni_callback = choose
        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
