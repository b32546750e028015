"""A provider that limits what it takes from each address, in words that providers use, and counts.

    sessions     more than so many at once: 421 4.7.0 at the greeting
    rate         messages in a minute, as an evenly filling bucket: 450 4.7.1 at MAIL
    greylist     of each hundred recipients so many are asked to come again, once: 451 4.7.1 at RCPT
    blocks       an address of which nothing is taken: 554 5.7.1 at the greeting

One thread with an asyncio loop of its own.
"""
import asyncio
import threading
import time

GREYLIST_S = 5


class Bucket:
    def __init__(self, per_minute):
        self.per_s, self.most = per_minute / 60, max(1, per_minute / 30)
        self.credit, self.at = self.most, time.monotonic()

    def take(self):
        now = time.monotonic()
        self.credit = min(self.most, self.credit + (now - self.at) * self.per_s)
        self.at = now
        if self.credit < 1:
            return False
        self.credit -= 1
        return True


class Provider:
    def __init__(self, port, sessions=6, rate=1200, greylist=1, blocks=(), host="127.0.0.1"):
        self.port = port
        self.sessions, self.rate, self.greylist, self.blocks = sessions, rate, greylist, set(blocks)
        self.buckets, self.open, self.known = {}, {}, {}
        self.taken, self.deferred, self.refused_sessions, self.blocked_sessions = [], [], 0, 0
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(host, port, started), daemon=True).start()
        if not started.wait(10):
            raise AssertionError("the provider did not start")

    def _run(self, host, port, started):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, host, port, backlog=1000))
        started.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        address = writer.get_extra_info("peername")[0]
        self.open[address] = self.open.get(address, 0) + 1
        try:
            if address in self.blocks:
                self.blocked_sessions += 1
                writer.write(f"554 5.7.1 Service unavailable; client [{address}] blocked using zen.spamhaus.org\r\n".encode())
            elif self.open[address] > self.sessions:
                self.refused_sessions += 1
                writer.write(f"421 4.7.0 provider.test Error: too many connections from {address}\r\n".encode())
            else:
                await self._converse(address, reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open[address] -= 1
            writer.close()

    async def _converse(self, address, reader, writer):
        bucket = self.buckets.setdefault(address, Bucket(self.rate))
        writer.write(b"220 provider.test ESMTP\r\n")
        recipients = 0
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"MAIL" and not bucket.take():
                self.deferred.append(time.time())
                writer.write(f"450 4.7.1 Error: too much mail from {address}\r\n".encode())
            elif verb == b"MAIL":
                recipients = 0
                writer.write(b"250 2.1.0 Ok\r\n")
            elif verb == b"RCPT" and self._is_grey(line):
                self.deferred.append(time.time())
                writer.write(b"451 4.7.1 Greylisting in action, please come back later\r\n")
            elif verb == b"RCPT":
                recipients += 1
                writer.write(b"250 2.1.5 Ok\r\n")
            elif verb == b"DATA" and recipients == 0:
                writer.write(b"503 5.5.1 no recipients\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                await writer.drain()
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(0.05)
                self.taken.append(time.time())
                writer.write(b"250 2.0.0 Ok\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                writer.write(b"250 Ok\r\n")
            await writer.drain()

    def _is_grey(self, line):
        now = time.monotonic()
        key = line.strip().lower()
        if hash(key) % 100 >= self.greylist:
            return False
        return now - self.known.setdefault(key, now) < GREYLIST_S
