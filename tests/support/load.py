"""Load: Postfix's smtp-source and smtp-sink, and a small SMTP client that knows what was acknowledged, refused, or left unknown."""
import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import harness


def program(name):
    """smtp-source and smtp-sink live in /usr/sbin, which is not in everyone's PATH."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        sys.exit(f"{name} is missing (Debian package postfix)")
    return found


class SmtpSink:
    """Postfix's smtp-sink, counting."""

    def __init__(self, sandbox, port, *arguments):
        self.port = port
        self.process = sandbox.start(f"smtp-sink-{port}", [program("smtp-sink"), "-c", "-u", "nobody", *arguments,
                                                           f"127.0.0.1:{port}", "1000"])
        harness.wait_until(lambda: harness.port_answers(port), 10, "smtp-sink")

    def count(self):
        """Messages taken: its running counter is "sess=.. quit=.. mesg=.."."""
        found = re.findall(r"mesg=(\d+)", self.process.log_path.read_text(errors="replace")[-4000:])
        return int(found[-1]) if found else 0


def smtp_source(port, count, sessions=20, size=10240, sender="news@sender.test", recipient="user@sink.test", *arguments):
    """Runs smtp-source to its end; gives seconds taken."""
    started = time.monotonic()
    done = subprocess.run([program("smtp-source"), "-s", str(sessions), "-m", str(count), "-l", str(size), "-f", sender,
                           "-t", recipient, *arguments, f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise AssertionError(f"smtp-source: {done.stderr[-500:]}")
    return time.monotonic() - started


class Ledger:
    """What the client side knows of each mail: A attempted, K acknowledged, N refused, U unknown. With a path
    it is also on disk, a line per event; sync() makes that durable."""

    def __init__(self, path=None):
        self.attempted, self.acknowledged, self.refused, self.unknown = {}, set(), {}, set()
        self.codes = {}
        self.file = open(path, "a", buffering=1) if path else None

    def write(self, *words):
        if self.file:
            print(*words, file=self.file)

    def sync(self):
        os.fsync(self.file.fileno())

    def attempt(self, trial, recipients, digest):
        self.write("A", trial, digest, *recipients)
        self.attempted[trial] = (recipients, digest)

    def acknowledge(self, trial):
        self.write("K", trial)
        self.acknowledged.add(trial)

    def refuse(self, trial, code, is_certain):
        """A refusal after the data is not certain: the broker may hold the mail all the same when it went away before its confirm."""
        self.write("N" if is_certain else "U", trial, code)
        self.codes[code] = self.codes.get(code, 0) + 1
        if is_certain:
            self.refused[trial] = code
        else:
            self.unknown.add(trial)

    def doubt(self, trial):
        self.write("U", trial)
        self.unknown.add(trial)

    @staticmethod
    def read(path):
        """What the disk says."""
        ledger = Ledger()
        for line in open(path):
            event, trial, *rest = line.split()
            if event == "A":
                ledger.attempt(trial, rest[1:], rest[0])
            elif event == "K":
                ledger.acknowledge(trial)
            elif rest:
                ledger.refuse(trial, int(rest[0]), event == "N")
            else:
                ledger.doubt(trial)
        return ledger


class Client:
    """Submits mails with unique ids over several sessions, through faults: a session that breaks is opened again; a mail that was not
    acknowledged is tried again as a new mail, as a real client would."""

    def __init__(self, port, sessions=20, size=3000, recipients=lambda n: [f"ok-{n}@sink.test"], pause=0, ledger=None):
        """size: bytes, or what gives them for a mail's number."""
        self.port, self.sessions, self.recipients, self.pause = port, sessions, recipients, pause
        self.size = size if callable(size) else lambda n: size
        self.ledger = ledger or Ledger()
        self.next, self.again_s = 0, 0.1
        self.lock = threading.Lock()
        self.errors = []

    def run(self, count, seconds=300):
        """Until `count` mails are acknowledged."""
        asyncio.run(asyncio.wait_for(self._run(count), seconds))

    def start(self, count, seconds=300, least=None):
        """Until `count` mails are acknowledged; with least, without end until enough()."""
        self.least = least or count
        self.thread = threading.Thread(target=self._guarded, args=(count, seconds), daemon=True)
        self.thread.start()

    def _guarded(self, count, seconds):
        try:
            self.run(count, seconds)
        except BaseException as error:  # told at finish()
            self.errors.append(error)

    def enough(self):
        """No new mail from here on, but as many as were wanted are still waited for."""
        self.wanted = max(self.least, len(self.ledger.acknowledged))

    def finish(self, seconds):
        self.thread.join(seconds)
        if self.thread.is_alive() or self.errors:
            raise AssertionError(f"the client did not finish: {self.errors or 'late'}; "
                                 f"{len(self.ledger.acknowledged)} acknowledged, refused with {sorted(set(self.ledger.refused.values()))}")

    async def _run(self, count):
        self.wanted = count
        await asyncio.gather(*(self._session() for _ in range(self.sessions)))

    async def _session(self):
        while len(self.ledger.acknowledged) < self.wanted:
            try:
                await self._converse()
            except (OSError, asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError):
                await asyncio.sleep(self.again_s)

    async def _reply(self, reader):
        while True:
            line = await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)
            if line[3:4] != b"-":
                return int(line[:3])

    async def _converse(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await self._reply(reader)
            writer.write(b"EHLO client.test\r\n")
            await self._reply(reader)
            while len(self.ledger.acknowledged) + self.busy() < self.wanted:
                if not await self._submit(reader, writer):
                    await asyncio.sleep(0.05)
                elif self.pause:
                    await asyncio.sleep(self.pause)
            writer.write(b"QUIT\r\n")
        finally:
            writer.close()
        await asyncio.sleep(0.05)

    def busy(self):
        ledger = self.ledger
        return len(ledger.attempted) - len(ledger.acknowledged) - len(ledger.refused) - len(ledger.unknown)

    async def _submit(self, reader, writer):
        number = self.next
        self.next += 1
        trial = f"t{number}"
        recipients = self.recipients(number)
        body = (f"{trial} " * (self.size(number) // (len(trial) + 1)))
        body = "\r\n".join(body[i:i + 76] for i in range(0, len(body), 76)) + "\r\n"
        message = f"From: news@sender.test\r\nX-Trial-Id: {trial}\r\nSubject: trial\r\n\r\n{body}"
        ledger = self.ledger
        ledger.attempt(trial, recipients, hashlib.sha256(body.encode()).hexdigest())
        try:
            writer.write(b"MAIL FROM:<news@sender.test>\r\n" + b"".join(f"RCPT TO:<{r}>\r\n".encode() for r in recipients) + b"DATA\r\n")
            codes = [await self._reply(reader) for _ in range(len(recipients) + 2)]
            if codes[-1] != 354:
                ledger.refuse(trial, next(code for code in codes if code >= 400), True)
                writer.write(b"RSET\r\n")
                await self._reply(reader)
                return False
            writer.write(message.encode() + b".\r\n")
            code = await self._reply(reader)
        except BaseException:
            ledger.doubt(trial)
            raise
        if code == 250:
            ledger.acknowledge(trial)
            return True
        ledger.refuse(trial, code, code >= 500)
        return False
