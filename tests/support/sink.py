"""A remote SMTP server whose behaviour is fixed by the recipient's address, and which keeps a ledger of all it saw.

    ok-7@...            accepted                       unknown-7@...   550 5.1.1 at RCPT
    later2-7@...        450 4.2.0 twice, then accepted always-later-7  450 for ever
    refused-data-7@...  554 5.7.1 after the message    busy-7@...      421 at RCPT, and closes
    drop-7@...          accepted, but the connection is cut before the reply to the first try (in doubt)
    slow-7@...          accepted after 1 s

One thread with an asyncio loop of its own; the ledger may be read from any thread.
"""
import asyncio
import hashlib
import re
import threading
import time


class Delivery:
    __slots__ = ("recipients", "sender", "trial", "digest", "at", "is_answered", "content", "session", "mail")

    def __init__(self, sender, recipients, content, keep, session):
        self.sender, self.recipients, self.session = sender, recipients, session
        self.mail = session.mail
        found = re.search(rb"^X-Trial-Id: *(\S+)", content[:8192], re.M | re.I)
        self.trial = found[1].decode() if found else None
        self.digest = hashlib.sha256(content.split(b"\r\n\r\n", 1)[-1]).hexdigest()
        self.at = time.time()
        self.is_answered = False
        self.content = content if keep else None


class Session(asyncio.Protocol):
    def __init__(self, sink):
        self.sink = sink
        self.buffer = bytearray()
        self.in_data = False
        self.chunk_left, self.is_last_chunk, self.chunks = None, False, b""
        self.mail, self.sender, self.recipients = b"", b"", []
        self.tries_dropped = False

    def connection_made(self, transport):
        self.transport = transport
        self.opened_at, self.closed_at = time.time(), None
        self.sink.sessions.append(self)
        self.sink.connection_count += 1
        self.sink.open_sessions.add(self)
        self.sink.peak_sessions = max(self.sink.peak_sessions, len(self.sink.open_sessions))
        self.say("220 sink.test ESMTP")

    def connection_lost(self, error):
        self.closed_at = time.time()
        self.sink.open_sessions.discard(self)

    def say(self, line):
        self.transport.write(line.encode() + b"\r\n")

    def data_received(self, data):
        self.buffer += data
        while self.buffer and not self.transport.is_closing():
            if self.chunk_left is not None:
                if len(self.buffer) < self.chunk_left:
                    return
                self.chunk()
            elif self.in_data:
                end = self.buffer.find(b"\r\n.\r\n")
                if self.buffer.startswith(b".\r\n"):
                    content, used = b"", 3
                elif end >= 0:
                    content, used = bytes(self.buffer[:end + 2]), end + 5
                else:
                    return
                del self.buffer[:used]
                self.in_data = False
                self.message(content.replace(b"\r\n..", b"\r\n.") if not content.startswith(b"..")
                             else content[1:].replace(b"\r\n..", b"\r\n."))
            else:
                end = self.buffer.find(b"\r\n")
                if end < 0:
                    return
                line = bytes(self.buffer[:end])
                del self.buffer[:end + 2]
                self.command(line)

    def command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            for extension in ("sink.test",) + self.sink.offers:
                self.say("250-" + extension)
            self.say("250 SIZE 200000000")
        elif verb == b"MAIL":
            self.mail, self.sender, self.recipients = line, re.search(rb"<(.*?)>", line)[1], []
            self.chunks = b""
            self.say("250 2.1.0 ok")
        elif verb == b"RCPT":
            self.recipient(re.search(rb"<(.*?)>", line)[1])
        elif verb == b"DATA":
            if self.recipients:
                self.in_data = True
                self.say("354 go on")
            else:
                self.say("503 5.5.1 no recipients")
        elif verb == b"BDAT" and "CHUNKING" in self.sink.offers:
            self.chunk_left, self.is_last_chunk = int(line.split()[1]), line.upper().endswith(b" LAST")
            self.chunk()
        elif verb == b"RSET":
            self.sender, self.recipients = b"", []
            self.say("250 2.0.0 ok")
        elif verb == b"QUIT":
            self.say("221 2.0.0 bye")
            self.transport.close()
        else:
            self.say("250 2.0.0 ok")

    def chunk(self):
        """Of a body by BDAT, once all of it is there."""
        if len(self.buffer) < self.chunk_left:
            return
        self.chunks += bytes(self.buffer[:self.chunk_left])
        del self.buffer[:self.chunk_left]
        self.chunk_left = None
        if not self.recipients:
            self.say("503 5.5.1 no recipients")
        elif self.is_last_chunk:
            self.message(self.chunks)
        else:
            self.say("250 2.0.0 go on")

    def recipient(self, address):
        self.sink.attempts.append((time.time(), address))
        local = address.split(b"@")[0].decode(errors="replace")
        later = re.match(r"later(\d+)-", local)
        tries = self.sink.tries[address] = self.sink.tries.get(address, 0) + 1
        if local.startswith("unknown-"):
            self.say("550 5.1.1 no such user here")
        elif local.startswith("always-later-"):
            self.say("450 4.2.0 try again")
        elif local.startswith("busy-"):
            self.say("421 4.7.0 too busy")
            self.transport.close()
        elif later and tries <= int(later[1]):
            self.say("450 4.2.0 try again")
        else:
            self.recipients.append(address)
            self.say("250 2.1.5 ok")

    def message(self, content):
        delivery = Delivery(self.sender, self.recipients, content, self.sink.keeps_content, self)
        locals_ = [r.split(b"@")[0].decode(errors="replace") for r in self.recipients]
        self.sender, self.recipients = b"", []
        if any(name.startswith("refused-data-") for name in locals_):
            self.say("554 5.7.1 not this message")
            return
        self.sink.deliveries.append(delivery)
        if any(name.startswith("drop-") for name in locals_) and self.sink.tries[delivery.recipients[0]] == 1:
            self.transport.abort()
            return
        if any(name.startswith("slow-") for name in locals_):
            asyncio.get_running_loop().call_later(1, self.answer, delivery)
        elif self.sink.delay:
            asyncio.get_running_loop().call_later(self.sink.delay, self.answer, delivery)
        else:
            self.answer(delivery)

    def answer(self, delivery):
        if not self.transport.is_closing():
            delivery.is_answered = True
            self.say("250 2.0.0 taken")


class Sink:
    """Listens on host:port until close()."""

    OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")

    def __init__(self, port, keeps_content=False, delay=0, host="127.0.0.1", offers=OFFERS):
        self.offers = offers
        self.host, self.port, self.keeps_content, self.delay = host, port, keeps_content, delay
        self.deliveries, self.attempts, self.tries = [], [], {}
        self.open_sessions, self.connection_count, self.peak_sessions = set(), 0, 0
        self.sessions = []
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        if not started.wait(10):
            raise AssertionError("the sink did not start")

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            self.loop.create_server(lambda: Session(self), self.host, self.port, backlog=1000))
        started.set()
        self.loop.run_forever()

    def delivered(self, recipient):
        """Deliveries to one recipient (text)."""
        return [d for d in list(self.deliveries) if recipient.encode() in d.recipients]

    def most_at_once(self, blink=0.02):
        """Sessions open at the same time for longer than a blink: what ends and begins at one instant is seen here in any order."""
        events = []
        for session in list(self.sessions):
            end = (session.closed_at or time.time()) - blink
            if end > session.opened_at:
                events += [(session.opened_at, 1), (end, -1)]
        most = now = 0
        for _, step in sorted(events):
            now += step
            most = max(most, now)
        return most

    def most_within(self, seconds):
        """Deliveries in the fullest stretch of so many seconds."""
        times = sorted(d.at for d in list(self.deliveries))
        first = most = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def in_flight(self):
        """Transactions open at this instant: what a fault may make doubtful."""
        return sum(1 for s in list(self.open_sessions) if s.recipients or s.in_data)

    def _end(self):
        self.server.close()
        for session in list(self.open_sessions):
            session.transport.abort()
        self.loop.call_later(0.05, self.loop.stop)

    def close(self):
        """Its port is free after it."""
        self.loop.call_soon_threadsafe(self._end)
        self.thread.join(5)
