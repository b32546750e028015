"""A trial of the embedded engine: mail flows from a client with a ledger of its own through Leveret to a sink; Leveret is stopped in the
middle of it, started again and left to drain; the oracle judges by what the ledger's file and the sink say."""
import os
import pathlib
import signal
import time

import engines
import harness
import load
import oracle
import sink as sinks

SETTINGS = ("sites: {{sink: {{domains: [sink.test], connections: 10}}}}\n"
            "retry: {{default: {{first: 1s, factor: 2, max: 2s, jitter: 10%}}}}\n"
            "routes: [{{to_domain: \"*\", host: \"127.0.0.1:{port}\"}}]\n")
SMALL, LARGE = 3000, 400_000  # a large body is kept in a file of its own
ROOMY, GIVEN_BACK_ABOVE = 60_000, 90 << 20  # bytes: of a body kept in the database; of the database


def recipients(n):
    """Every kind of work: shared mail, the tail, a retry, a bounce with its suppression."""
    if n % 10 == 0:
        return [f"ok-{n}a@sink.test", f"ok-{n}b@tail{n % 50}.test"]
    if n % 25 == 1:
        return [f"later1-{n}@sink.test"]
    return [f"unknown-{n}@sink.test"] if n % 40 == 2 else [f"ok-{n}@sink.test"]


class Trial:
    def __init__(self, sandbox, name, program=None, data_dir=None, roles=("run",), environment=None, least=300, sessions=10,
                 pause=0.01):
        self.sandbox, self.names, self.environment = sandbox, roles, environment
        self.remote = sinks.Sink(harness.free_port(), delay=0.005)
        self.broker = engines.Embedded()
        self.leveret = harness.Leveret(sandbox, self.broker, SETTINGS.format(port=self.remote.port), data=name, data_dir=data_dir, program=program)
        self.ledger_path = sandbox.path / f"{name}.ledger"
        self.doubtful, self.log = 0, []
        self.roles = self.start()
        self.results = engines.FollowedResults(sandbox, self.broker, program=program)
        self.results.pause()  # it would host the queues when their host dies; the queue keeps its results
        self.client = load.Client(self.leveret.smtp_port, sessions=sessions, size=lambda n: LARGE if n % 150 == 5 else SMALL,
                                  recipients=recipients, pause=pause, ledger=load.Ledger(self.ledger_path))
        self.client.start(10**9, seconds=900, least=least)

    def start(self):
        return {name: self.leveret.start(name.split("-")[0], environment=self.environment) for name in self.names}

    def host(self):
        pid = harness.wait_until(self.broker.host_pid, 10, "a host of the queues")
        return next((name for name, process in self.roles.items() if process.pid == pid), None)

    def freeze(self, process):
        """Frozen before it is killed, so that what is counted as in flight is what the fault met: transactions open at the sink, and one
        answer that each session may not have read, or whose settlement is not committed."""
        process.send_signal(signal.SIGSTOP)
        before = len(self.remote.deliveries)
        time.sleep(0.05)
        self.client.ledger.sync()
        self.doubtful += len(self.remote.deliveries) - before + self.remote.in_flight() + len(self.remote.open_sessions)

    def kill(self, name="run"):
        self.freeze(self.roles[name])
        self.sandbox.kill(self.roles[name])

    def file_bytes(self):
        return max(f.stat().st_size for f in self.broker.folder.rglob("*.mdb"))

    def make_room(self):
        """A backlog and its end: most of the file is free then, so that it is given back."""
        self.remote.delay, self.client.size = 1, lambda n: ROOMY
        harness.wait_until(lambda: self.file_bytes() > GIVEN_BACK_ABOVE, 30, "a backlog")
        self.remote.delay, self.client.size = 0.002, lambda n: SMALL

    def restart_after_crash(self, crash, seconds):
        """Starts the one process so that it dies at `crash` (point:nth), waits until it did, and starts it again. False: it did not."""
        process = self.leveret.start("run", environment={"LEVERET_CRASH": crash}, ready=False)
        if crash.startswith("store-compact"):
            self.make_room()
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.roles["run"] = process
        if process.poll() is None:
            self.kill()
        self.client.ledger.sync()
        self.doubtful += 2 * self.remote.peak_sessions  # not frozen, so not counted: at most one open and one unread of each
        self.restart()
        return process.returncode == -signal.SIGKILL and time.monotonic() < deadline

    def restart(self, name="run"):
        self.roles[name] = self.leveret.start(name.split("-")[0], environment=self.environment)

    def wait_for_mail(self, count=20, seconds=30):
        """So that a fault never meets an idle system."""
        so_far = len(self.client.ledger.acknowledged)
        harness.wait_until(lambda: len(self.client.ledger.acknowledged) >= so_far + count, seconds, "mail to be acknowledged")

    def drain(self, seconds=60):
        """Ends the client and waits until all that was acknowledged has ended, or nothing has moved for a while. Gives the verdict."""
        self.remote.delay = 0
        self.client.enough()
        self.client.finish(120)
        self.results.resume()
        ledger = load.Ledger.read(self.ledger_path)
        moved, before = time.monotonic(), None
        until = time.monotonic() + seconds
        while time.monotonic() < until and time.monotonic() - moved < 12:
            left = oracle.missing(ledger, self.remote, self.results)
            now = (len(self.remote.deliveries), len(self.results.events()))
            if now != before:
                before, moved = now, time.monotonic()
            if not left and self.results.count("delivered") + self.results.count("bounced") >= sum(
                    len(ledger.attempted[trial][0]) for trial in ledger.acknowledged):
                break
            time.sleep(0.2)
        return oracle.verdict(ledger, self.remote, self.results, self.doubtful)

    def end(self):
        """Everything of it has stopped, by its own will, when this returns."""
        self.results.close()
        for name, process in self.roles.items():
            code = self.sandbox.stop(process)
            assert code == 0, f"{name} ended with {code}: " + process.log_path.read_text(errors="replace")[-2000:]
        self.remote.close()

    def abandon(self):
        self.client.enough()
        self.client.wanted = 0
        self.results.close()
        for process in self.roles.values():
            if process.poll() is None:
                self.sandbox.kill(process)
        self.client.thread.join(30)
        self.remote.close()
