"""Remote hosts that do not do what they should: each a port, until close()."""
import asyncio
import threading


class BadHosts:
    """`refuse` answers 421 to everything, `hang` accepts and says nothing, `drip` speaks, and takes what a mail says, one byte a second."""

    KINDS = ("refuse", "hang", "drip")

    def __init__(self):
        self.ports, self.sessions = {}, dict.fromkeys(self.KINDS, 0)
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        if not started.wait(10):
            raise AssertionError("the bad hosts did not start")

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        for kind in self.KINDS:
            talk = getattr(self, kind)
            server = self.loop.run_until_complete(asyncio.start_server(self._counted(kind, talk), "127.0.0.1", 0))
            self.ports[kind] = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()

    def _counted(self, kind, talk):
        async def serve(reader, writer):
            self.sessions[kind] += 1
            try:
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
        return serve

    async def refuse(self, reader, writer):
        writer.write(b"421 4.7.0 try again later\r\n")
        await writer.drain()

    async def hang(self, reader, writer):
        await reader.read()

    async def drip(self, reader, writer):
        await self._say(writer, b"220 drip\r\n")
        while line := await reader.readline():
            is_data = line.upper().startswith(b"DATA")
            await self._say(writer, b"354 go\r\n" if is_data else b"250 ok\r\n")
            while is_data and await reader.read(1):
                await asyncio.sleep(1)

    async def _say(self, writer, line):
        for byte in line:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)

    def _end(self):
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_later(0.1, self.loop.stop)

    def close(self):
        self.loop.call_soon_threadsafe(self._end)
