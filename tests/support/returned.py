"""A Leveret whose mail carries return paths, the remote host that takes it, and mail that comes back: written here, as mail systems do."""
import gzip
import base64
import json
import re
import smtplib
import time

import engines
import harness
import sink as sinks

KEYS = "# number secret\n7 a-secret-of-this-test-and-no-other\n3 an-older-secret-that-still-counts\n"


class Sent:
    """One delivery, as the remote host saw it."""

    def __init__(self, delivery, message_id):
        self.sender, self.recipient, self.id = delivery.sender.decode(), delivery.recipients[0].decode(), message_id
        self.content = delivery.content
        self.header = delivery.content.split(b"\r\n\r\n", 1)[0] + b"\r\n"

    def field(self, name):
        found = re.findall(rb"(?im)^%s:((?:.*\r\n)(?:[ \t].*\r\n)*)" % name.encode(), self.header)
        assert len(found) < 2, f"{name} is there {len(found)} times"
        return re.sub(rb"\s*\r\n\s*", b" ", found[0]).strip().decode() if found else None

    def unsubscribe_url(self):
        return re.search(r"<(https://[^>]*)>", self.field("List-Unsubscribe"))[1]

    def unsubscribe_subject(self):
        return re.search(r"<mailto:[^?>]*\?subject=([^>]*)>", self.field("List-Unsubscribe"))[1]


class Site:
    def __init__(self, sandbox, broker, settings="", routes="", bounce_port=None):
        self.sandbox, self.bounce_port, self.http_port = sandbox, bounce_port or harness.free_port(), harness.free_port()
        self.remote = sinks.Sink(harness.free_port(), keeps_content=True)
        keys = self.keys = sandbox.path / "return-keys"
        keys.write_text(KEYS)
        http = f"bouncer: {{unsubscribe_listen: \"127.0.0.1:{self.http_port}\"}}\n"
        self.leveret = harness.Leveret(
            sandbox, broker,
            f"routes: [{{to_domain: \"there.test\", host: \"127.0.0.1:{self.remote.port}\"}}{routes}]\n"
            f"returns: {{keys: {keys}, path: \"b-{{token}}@bounces.test\", feedback_loop: fbl@bounces.test, "
            "unsubscribe_url: \"https://news.test/u/{token}\", unsubscribe_mail: unsubscribe@bounces.test}\n" + http + settings,
            listener=f"}}, back: {{address: \"127.0.0.1:{self.bounce_port}\", allow_from: [], accept_for: [bounces.test], max_message_size: 10MiB")
        self.bouncer = self.leveret.start("bouncer")
        self.others = [self.leveret.start(role) for role in ("worker", "ingest")]
        self.results = engines.results(sandbox, broker)

    def restart_bouncer(self, *changes):
        """With other settings: pairs of what stands there and what is to."""
        text = self.leveret.config.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.leveret.config.write_text(text)
        self.sandbox.stop(self.bouncer)
        self.bouncer = self.leveret.start("bouncer")
        for role in self.others:  # it may have hosted the broker
            harness.wait_until(lambda: self.leveret.is_healthy(role), 30, f"{role.role} to be ready again")

    # ---- outwards ----

    def send_many(self, *recipients, sender="news@sender.test", header=""):
        before = {recipient: len(self.remote.delivered(recipient)) for recipient in recipients}
        with smtplib.SMTP("127.0.0.1", self.leveret.smtp_port, timeout=30) as client:
            client.sendmail(sender, list(recipients), f"From: news@sender.test\r\nSubject: news\r\n{header}\r\nhello\r\n")
        for recipient in recipients:
            harness.wait_until(lambda r=recipient: len(self.remote.delivered(r)) > before[r], 20, f"the delivery to {recipient}")
            harness.wait_until(lambda r=recipient: self.results.events(r.encode()), 20, f"the result of {recipient}")
        return [Sent(self.remote.delivered(r)[-1], self.results.events(r.encode())[-1].id.decode()) for r in recipients]

    def send(self, recipient, **options):
        return self.send_many(recipient, **options)[0]

    # ---- back ----

    def deliver(self, to, content, sender="", tries=20):
        """As mail hosts do: told to try again later, it does."""
        for left in range(tries, 0, -1):
            try:
                return self.deliver_once(to, content, sender)
            except smtplib.SMTPDataError as refused:
                if refused.smtp_code != 451 or left == 1:
                    raise
                time.sleep(0.2)

    def deliver_once(self, to, content, sender):
        with smtplib.SMTP("127.0.0.1", self.bounce_port, timeout=30) as client:
            client.sendmail(sender, [to], content)

    def deliver_all(self, mails):
        """(to, content) each, in one session."""
        with smtplib.SMTP("127.0.0.1", self.bounce_port, timeout=60) as client:
            for to, content in mails:
                client.sendmail("", [to], content)

    # ---- what came of it ----

    def counts(self):
        """How many mails of each kind and outcome the bouncer counted."""
        found = {}
        for name, value in self.leveret.metrics(self.bouncer).items():
            labels = re.fullmatch(r'leveret_returned_mail_read_total\{kind="([^"]*)",outcome="([^"]*)"\}', name)
            if labels and value:
                found[f"{labels[1]} {labels[2]}"] = int(value)
        return found

    def wait_for(self, kind, outcome, count=1):
        harness.wait_until(lambda: self.counts().get(f"{kind} {outcome}", 0) >= count, 20, f"{count} of {kind} {outcome}; there are {self.counts()}")

    def show(self, address, pool=None):
        """The entry of an address, as the table has it; None: there is none."""
        listed = self.leveret.verb("suppression", "list", "--json").stdout
        for line in listed.splitlines():
            entry = json.loads(line)
            if entry["address"] == address and entry.get("stream") == pool:
                return entry
        return None

    def is_suppressed(self, address):
        return any(json.loads(line)["address"] == address for line in self.leveret.verb("suppression", "list", "--json").stdout.splitlines())

    def until_suppressed(self, address, do, pool=None):
        """Does it, and gives the seconds until the address is suppressed."""
        started = time.monotonic()
        do()
        harness.wait_until(lambda: self.is_suppressed(address), 20, f"{address} to be suppressed; the bouncer counted {self.counts()}")
        return round(time.monotonic() - started, 2)

    def depths(self):
        rows = json.loads(self.leveret.verb("queue", "list", "--json").stdout)
        return {row["queue"]: row["ready"] for row in rows if row["queue"] in ("bouncer.unknown", "bouncer.reports")}


# ---- mail that comes back ----

def report(sent, text, status, report_type="delivery-status", part="message/delivery-status", header=None, subject="Undelivered Mail Returned to Sender"):
    header = sent.header if header is None else header
    return (f"From: MAILER-DAEMON@mx.there.test (Mail Delivery System)\r\nTo: {sent.sender}\r\nSubject: {subject}\r\n"
            f"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={report_type}; boundary=\"cut\"\r\n\r\n"
            f"--cut\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\r\n--cut\r\nContent-Type: {part}\r\n\r\n{status}\r\n"
            "--cut\r\nContent-Type: text/rfc822-headers\r\n\r\n").encode() + header + b"\r\n--cut--\r\n"


def status(recipient, action, code, diagnostic):
    return (f"Reporting-MTA: dns; mx.there.test\r\n\r\nOriginal-Recipient: rfc822;{recipient}\r\nFinal-Recipient: rfc822; {recipient}\r\n"
            f"Action: {action}\r\nStatus: {code}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n")


def bounce(sent, recipient=None, header=None, to=None):
    recipient = recipient or sent.recipient
    return report(sent, "I am sorry to tell you that your message could not be delivered.",
                  status(recipient, "failed", "5.1.1", f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"), header=header)


def delay(sent):
    return report(sent, "Your message could not be delivered for 4 hours. You need not send it again.",
                  status(sent.recipient, "delayed", "4.4.1", "451 4.4.1 no answer"), subject="Delayed Mail (still being retried)")


def success(sent):
    return report(sent, "Your message was delivered.", status(sent.recipient, "delivered", "2.0.0", "250 2.0.0 ok"),
                  subject="Successful Mail Delivery Report")


def complaint(sent, recipient=None, header=None, feedback="abuse"):
    told = f"Original-Rcpt-To: <{recipient}>\r\n" if recipient else ""
    return report(sent, "This is an email abuse report.", f"Feedback-Type: {feedback}\r\nUser-Agent: Test/1\r\nVersion: 1\r\n{told}", "feedback-report",
                  "message/feedback-report", header=header, subject="FW: news")


def auto_reply(sent):
    return (f"From: {sent.recipient}\r\nTo: {sent.sender}\r\nSubject: Out of office: news\r\nAuto-Submitted: auto-replied\r\nPrecedence: bulk\r\n\r\n"
            "I am on holiday until Monday.\r\n").encode()


def unsubscribe_mail(sent, subject=None):
    return f"From: {sent.recipient}\r\nTo: unsubscribe@bounces.test\r\nSubject: {subject or sent.unsubscribe_subject()}\r\n\r\n\r\n".encode()


def dmarc_report():
    data = base64.encodebytes(gzip.compress(b"<feedback/>")).replace(b"\n", b"\r\n")
    return (b"From: noreply-dmarc@big.test\r\nSubject: Report domain: sender.test Submitter: big.test Report-ID: 1\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: application/gzip; name=\"big.test!sender.test!1700000000!1700086400.xml.gz\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + data)


def tls_report():
    data = base64.encodebytes(gzip.compress(b"{}")).replace(b"\n", b"\r\n")
    return (b"From: tls@big.test\r\nSubject: Report Domain: sender.test\r\nTLS-Report-Domain: sender.test\r\nTLS-Report-Submitter: big.test\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + data)
