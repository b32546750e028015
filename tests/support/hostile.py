"""Remote hosts that go wrong at one step of a conversation, in one way. A case says where and how: struct `Case` of acceptance/hostile-mx."""
import socket
import struct
import threading
import time

GOOD = {"greeting": b"220 hostile.test\r\n", "starttls": b"220 go\r\n", "handshake": b"", "auth": b"235 2.7.0 ok\r\n",
        "auth_more": b"334 UGFzc3dvcmQ6\r\n", "mail": b"250 2.1.0 ok\r\n", "rcpt": b"250 2.1.5 ok\r\n", "data": b"354 go\r\n", "rset": b"250 2.0.0 ok\r\n",
        "body": b"250 2.0.0 taken\r\n", "sending": b"250 2.0.0 taken\r\n", "first": b"250 2.0.0 taken\r\n", "second": b"250 2.0.0 taken\r\n",
        "after": b"", "chunk": b"250 2.0.0 go on\r\n", "chunk_sending": b"250 2.0.0 go on\r\n", "last": b"250 2.0.0 taken\r\n", "quit": b"221 2.0.0 bye\r\n"}
SENDING = ("sending", "chunk_sending")
ENDING = (*SENDING, "starttls", "handshake", "after")  # one reply too many ends the conversation too
LINE_BYTES = 1 << 30


class Hostile:
    """One listening socket on all of 127/8: the address that a client connected to says which case it is."""

    def __init__(self, port, cases):
        self.cases = {case.address: case for case in cases}
        self.open = []
        self.peak = 0
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(512)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        case = self.cases.get(connection.getsockname()[0])
        with self.lock:
            self.open.append(case)
            self.peak = max(self.peak, len(self.open))
        try:
            connection.settimeout(60)
            if case:
                Conversation(connection, case).run()
        except OSError:
            pass
        finally:
            connection.close()
            with self.lock:
                self.open.remove(case)


class Conversation:
    def __init__(self, connection, case):
        self.connection, self.case = connection, case
        self.input = connection.makefile("rb")
        self.accepted = 0

    def run(self):
        self.answer("greeting")
        for line in self.input:
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO", b"LHLO"):
                self.answer("ehlo")
            elif verb == b"STAR":
                self.answer("starttls")
                self.answer("handshake")
                return
            elif verb == b"AUTH":
                self.log_in(line)
            elif verb == b"MAIL":
                self.accepted = 0
                self.answer("mail")
            elif verb == b"RCPT":
                self.take_recipient(line)
            elif verb == b"DATA":
                self.take_mail()
            elif verb == b"BDAT":
                is_last = line.strip().upper().endswith(b"LAST")
                self.take_chunk(int(line.split()[1]))
                self.answer("last" if is_last else "chunk")
            elif verb == b"RSET":
                self.answer("rset")
            elif verb == b"QUIT":
                self.answer("quit")
                return
            else:
                self.connection.sendall(b"250 ok\r\n")

    def log_in(self, line):
        if line[5:10].upper() == b"LOGIN":
            self.connection.sendall(b"334 VXNlcm5hbWU6\r\n")
            self.input.readline()
            self.answer("auth_more")
            self.input.readline()
        self.answer("auth")

    def take_recipient(self, line):
        name = line.split(b"<")[1].split(b"@")[0].decode()
        if self.case.step == "rset" and self.case.refused in (None, name):
            self.case.refused = name
            time.sleep(0.6)  # until the other mail waits for this session
            self.connection.sendall(b"550 5.1.1 not here\r\n")
        else:
            self.accepted += 1
            self.answer("rcpt")

    def take_mail(self):
        if self.accepted == 0:
            self.connection.sendall(b"503 5.5.1 no recipients\r\n")
            return
        self.answer("data")
        self.take_body()
        if self.case.is_lmtp:
            self.answer("first")
            self.answer("second")
        else:
            self.answer("body")
        if self.case.step == "after":
            self.misbehave(b"")

    def take_body(self):
        taken = 0
        for line in self.input:
            taken += len(line)
            if self.case.step == "sending" and taken > 20000:
                self.misbehave(GOOD["body"])
            if line == b".\r\n":
                return

    def take_chunk(self, size):
        if self.case.step == "chunk_sending":
            size -= len(self.input.read(20000))
            self.misbehave(GOOD["chunk"])
        self.input.read(size)

    def ehlo_reply(self):
        lines = [b"hostile.test", b"8BITMIME", b"SIZE 100000000"]
        lines += [b"PIPELINING"] if self.case.pipelines else []
        lines += [line for line in (self.case.offers(),) if line]
        return b"".join(b"250-" + line + b"\r\n" for line in lines[:-1]) + b"250 " + lines[-1] + b"\r\n"

    def answer(self, step):
        good = self.ehlo_reply() if step == "ehlo" else GOOD[step]
        if step == self.case.step and step != "after":
            self.misbehave(good)
        else:
            self.connection.sendall(good)

    def write(self, chunk, total):
        while self.case.written < total:
            self.connection.sendall(chunk)
            self.case.written += len(chunk)

    def wait_for_the_end(self):
        while self.connection.recv(65536):
            pass
        raise OSError("gone")

    def misbehave(self, good):
        """Ends the conversation, but for replies that are too many."""
        fault = self.case.fault
        self.case.met += 1
        if fault == "garbage":
            self.connection.sendall(b"\xff\xfe\x80 GET / HTTP/1.1\r\n\r\n250\x07ok\r\n" * 10)
        elif fault == "endless":
            code = (good or b"250")[:3]
            self.write((code + b"-and so on\r\n") * 4096, LINE_BYTES)
        elif fault == "long":
            self.connection.sendall((good or b"250 ")[:4])
            self.write(b"x" * 65536, LINE_BYTES)
        elif fault == "nul":
            self.connection.sendall(b"25\0 ok\r\n\0\0\0\r\n")
        elif fault == "rst":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise OSError("reset")
        elif fault == "half_close":
            self.connection.shutdown(socket.SHUT_WR)
        elif fault == "421":
            self.connection.sendall(b"421 4.3.2 going down\r\n")
        elif fault == "early":
            self.connection.sendall(good if self.case.step in SENDING else good + b"250 2.0.0 early\r\n")
            if self.case.step not in ENDING:
                return
        elif fault == "extra":
            self.connection.sendall(good)
            time.sleep(0.05)
            self.connection.sendall(b"354 more\r\n" if self.case.step == "data" else b"250 2.0.0 extra\r\n")
            if self.case.step not in ENDING:
                return
        elif fault == "hang" and self.case.step in SENDING:
            time.sleep(5)  # without taking anything more
        elif fault == "trickle":
            self.trickle(good)
        self.wait_for_the_end()

    def trickle(self, good):
        if self.case.step in SENDING:  # takes a byte now and then
            for _ in range(25):
                self.connection.recv(1)
                time.sleep(0.2)
            raise OSError("tired")
        for byte in good:
            time.sleep(0.3)
            self.connection.sendall(bytes([byte]))
