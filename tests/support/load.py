"""Load: Postfix's smtp-source and smtp-sink, and a small SMTP client that knows what was acknowledged, refused, or left unknown."""
import asyncio
import hashlib
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
    """What the client side knows of each mail: A attempted, K acknowledged, N refused, U unknown (RELIABILITY section 3)."""

    def __init__(self):
        self.attempted, self.acknowledged, self.refused, self.unknown = {}, set(), {}, set()


class Client:
    """Submits mails with unique ids over several sessions, through faults: a session that breaks is opened again; a mail that was not
    acknowledged is tried again as a new mail, as a real client would."""

    def __init__(self, port, sessions=20, size=3000, recipients=lambda n: [f"ok-{n}@sink.test"], pause=0):
        self.port, self.sessions, self.size, self.recipients, self.pause = port, sessions, size, recipients, pause
        self.ledger = Ledger()
        self.next = 0
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
                await asyncio.sleep(0.1)

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
        body = (f"{trial} " * (self.size // (len(trial) + 1)))
        body = "\r\n".join(body[i:i + 76] for i in range(0, len(body), 76)) + "\r\n"
        message = f"From: news@sender.test\r\nX-Trial-Id: {trial}\r\nSubject: trial\r\n\r\n{body}"
        ledger = self.ledger
        ledger.attempted[trial] = (recipients, hashlib.sha256(body.encode()).hexdigest())
        try:
            writer.write(b"MAIL FROM:<news@sender.test>\r\n" + b"".join(f"RCPT TO:<{r}>\r\n".encode() for r in recipients) + b"DATA\r\n")
            codes = [await self._reply(reader) for _ in range(len(recipients) + 2)]
            if codes[-1] != 354:
                ledger.refused[trial] = codes[-1] if codes[0] == 250 else codes[0]
                writer.write(b"RSET\r\n")
                await self._reply(reader)
                return False
            writer.write(message.encode() + b".\r\n")
            code = await self._reply(reader)
        except BaseException:
            ledger.unknown.add(trial)
            raise
        if code == 250:
            ledger.acknowledged.add(trial)
            return True
        # Refused after the data: the broker may hold it all the same when it went away before its confirm.
        if code >= 500:
            ledger.refused[trial] = code
        else:
            ledger.unknown.add(trial)
        return False
