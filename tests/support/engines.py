"""Which broker engine a test runs on: LEVERET_TEST_ENGINE=rabbitmq (when unset) or embedded.

A test asks broker() for its queues and results() for what came of its mail, and is the same on both. What is told of the embedded engine
comes through Leveret's verbs, because nothing else can read its files; that mail arrived is never asked of it, but seen at the sink."""
import json
import os
import pathlib
import subprocess
import threading
import time

import harness

ENGINE = os.environ.get("LEVERET_TEST_ENGINE", "rabbitmq")
assert ENGINE in ("rabbitmq", "embedded"), f"LEVERET_TEST_ENGINE={ENGINE}: rabbitmq or embedded"


def is_embedded():
    return ENGINE == "embedded"


def broker(sandbox, name, own=False, folder=None, **environment):
    """Queues that no other test meets. own: a RabbitMQ node that may be stopped; folder: where it has its data."""
    if is_embedded():
        return Embedded()
    rabbit = harness.Rabbit(sandbox, own=own, folder=folder, **environment)
    if not own:
        rabbit.new_vhost(name)
    return rabbit


def results(sandbox, broker, pattern="#"):
    return FollowedResults(sandbox, broker, pattern) if isinstance(broker, Embedded) else harness.Results(sandbox, broker, pattern)


class Embedded:
    """What harness.Rabbit is for RabbitMQ: the queues in the data_dir of the first Leveret that is made with it. Further ones, with
    a data_dir of their own, share them by a link, as hosts share a RabbitMQ."""

    def __init__(self):
        self.new_vhost("")

    def new_vhost(self, name):
        """Other queues: those of the next Leveret."""
        self.folder = self.config = None

    def settings(self):
        return "broker: {reconnect_max: 1s}\n"

    def join(self, leveret):
        """Before the first start of a Leveret."""
        if self.folder is None:
            self.folder, self.config = leveret.data / "broker", leveret.config
        else:
            leveret.data.mkdir(exist_ok=True)
            (leveret.data / "broker").symlink_to(self.folder)

    def verb(self, *arguments, timeout=60):
        done = subprocess.run([harness.leveret_binary(), *arguments, "--config", str(self.config)], capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            raise AssertionError(f"leveret {' '.join(arguments)}: {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def queues(self):
        """Rows of `queue list` by their queue's name."""
        return {row["queue"]: row for row in json.loads(self.verb("queue", "list", "--json"))}

    def depth(self, queue):
        return self.queues()[queue]["ready"]

    def host_pid(self):
        """The process that hosts the queues: it has the locks in their folder; None when there is none."""
        inodes = {str(f.stat().st_ino) for f in self.folder.iterdir() if f.is_file()}
        for line in pathlib.Path("/proc/locks").read_text().splitlines():
            fields = line.replace("-> ", "").split()
            if fields[5].rsplit(":", 1)[-1] in inodes and int(fields[4]) > 0:
                return int(fields[4])
        return None


class FollowedResults:
    """The counterpart of harness.Results: reads `leveret results follow`, which is started again whenever it ends."""

    def __init__(self, sandbox, broker, pattern="#", program=None):
        self.pb = harness.protobuf_module(sandbox)
        self.queue = f"analytics-{os.getpid()}-{id(self)}"
        self.broker, self.config = broker, broker.config
        self.command = [program or harness.leveret_binary(), "results", "follow", "--config", str(self.config), "--queue", self.queue, "--pattern", pattern]
        self.log_path = sandbox.path / f"follow-{id(self)}.log"
        self.results, self.repeats = {}, 0
        self.lock = threading.Lock()
        sandbox.closers.append(self.close)
        self.resume()
        harness.wait_until(lambda: b"following" in self.log_path.read_bytes(), 20, "results to be followed")

    def resume(self):
        self.stopping = False
        self.process = self._start()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _start(self):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)

    def _run(self):
        while not self.stopping:
            for line in self.process.stdout:
                if line.endswith(b"\n"):
                    self._take(json.loads(line))
            self.process.wait()
            time.sleep(0.1)
            with self.lock:
                if not self.stopping:
                    self.process = self._start()

    def _take(self, fields):
        result = self.pb.Result()
        for field in self.pb.Result.DESCRIPTOR.fields:
            if fields.get(field.name) is not None:
                self._set(result, field, fields[field.name])
        with self.lock:
            key = (result.id, result.recipient, result.attempt, result.event)
            self.repeats += key in self.results
            self.results[key] = result

    def _set(self, result, field, value):
        if field.name == "metadata":
            for name, text in value.items():
                result.metadata.add(name=name.encode(), value=text.encode())
        elif field.name == "tags":
            result.tags.extend(tag.encode() for tag in value)
        elif field.name == "event":
            result.event = self.pb.EventKind.Value(value.upper())
        else:
            setattr(result, field.name, value.encode() if field.type == field.TYPE_BYTES else int(value))

    events = harness.Results.events
    count = harness.Results.count

    def pause(self):
        """The queue keeps what comes meanwhile."""
        with self.lock:
            self.stopping = True
        harness.end(self.process)
        self.thread.join(5)

    close = pause
