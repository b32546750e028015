"""What acceptance and flow tests stand on: a temporary folder, a private RabbitMQ, Leveret's roles, and their end.

Everything is on loopback and free ports; only what was started here is ended, by its process id. An independent witness: nothing here
reads Leveret's own files or asks it what happened, but for the settings it is given.
"""
import argparse
import atexit
import base64
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def leveret_binary():
    """The program under test: $LEVERET, else the release build, else the dev build."""
    candidates = [os.environ.get("LEVERET"), ROOT / "build/release/leveret", ROOT / "build/dev/leveret"]
    for candidate in candidates:
        if candidate and pathlib.Path(candidate).exists():
            return str(candidate)
    sys.exit("no leveret program: build it first (cmake --preset release && cmake --build --preset release)")


_ports_given = set()


def free_port():
    """A free loopback port below the ephemeral range, so that no outgoing connection takes it before its server starts."""
    import random
    for _ in range(1000):
        port = random.randrange(12000, 20000)
        if port in _ports_given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports_given.add(port)
        return port
    sys.exit("no free port found")


def built(name, build="dev"):
    """A program of a build folder: build/dev ($LEVERET_DEV_BUILD) has crash points and sanitizers, build/release ($LEVERET_RELEASE_BUILD) neither."""
    path = pathlib.Path(os.environ.get(f"LEVERET_{build.upper()}_BUILD", ROOT / "build" / build)) / name
    if not path.exists():
        sys.exit(f"{path} is missing: build it first (cmake --preset {build} && cmake --build --preset {build})")
    return str(path)


def wait_until(condition, seconds, what, every=0.05):
    """Polls until condition() is true and gives its value; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(every)


def port_answers(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def end(process, seconds=30):
    """SIGTERM, and SIGKILL when that does not help."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def heed_interrupts():
    """A shell that runs the tests in the background lets all they start ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Sandbox:
    """A temporary folder and the processes started in it; both end with it. Kept on failure when LEVERET_KEEP is set."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"leveret-{name}-"))
        self.path.chmod(0o755)
        self.processes = []
        self.closers = []
        atexit.register(self.close)

    def start(self, name, command, **options):
        """Starts a process with its output in NAME.log of the sandbox."""
        log = open(self.path / f"{name}.log", "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                   preexec_fn=heed_interrupts, **options)
        log.close()
        process.log_path = self.path / f"{name}.log"
        self.processes.append(process)
        return process

    def stop(self, process, seconds=30):
        end(process, seconds)
        if process in self.processes:
            self.processes.remove(process)
        return process.returncode

    def kill(self, process):
        process.kill()
        process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def close(self):
        for process in reversed(list(self.processes)):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            self.stop(process, 10)
        for closer in reversed(self.closers):
            closer()
        self.closers = []
        mounted = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if f" {self.path}/" in line]
        if os.environ.get("LEVERET_KEEP") or mounted:  # nothing is removed that is mounted
            print(f"kept: {self.path}", file=sys.stderr)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Rabbit:
    """A private RabbitMQ node. With $LEVERET_TEST_RABBIT (a folder of tools/rabbitmq-private) that node is shared, and not stopped."""

    def __init__(self, sandbox, own=False, is_wanted_itself=False, folder=None, **environment):
        # A test that is to run on the embedded engine must not pass on this one unnoticed.
        assert is_wanted_itself or os.environ.get("LEVERET_TEST_ENGINE") != "embedded", "use engines.broker(): the engine is embedded"
        self.tool = str(ROOT / "tools/rabbitmq-private")
        self.sandbox = sandbox
        shared = os.environ.get("LEVERET_TEST_RABBIT")
        self.is_shared = bool(shared and not own and not environment)
        if self.is_shared:
            self.folder = shared
        else:
            self.folder = str(folder or sandbox.path / "rabbitmq")
            self._run("start", self.folder, extra=environment)
            sandbox.closers.append(lambda: self._run("kill", self.folder, check=False))
        lines = dict(line.split("=", 1) for line in self._run("env", self.folder).splitlines() if "=" in line)
        self.amqp = urllib.parse.urlparse(lines["amqp_url"])
        self.management = urllib.parse.urlparse(lines["management_url"])
        self.vhost = "/"

    def _run(self, *arguments, extra=None, check=True):
        environment = dict(os.environ, **(extra or {}))
        done = subprocess.run([self.tool, *arguments], capture_output=True, text=True, env=environment, timeout=180)
        if check and done.returncode != 0:
            raise AssertionError(f"rabbitmq-private {arguments[0]}: {done.stderr[-2000:]}{done.stdout[-500:]}")
        return done.stdout

    def new_vhost(self, name):
        """A vhost of this test's own, so that tests on one node do not meet."""
        self.vhost = f"{name}-{os.getpid()}"
        self.api("PUT", f"vhosts/{self.vhost}")
        self.api("PUT", f"permissions/{self.vhost}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
        if self.is_shared:
            self.sandbox.closers.append(functools.partial(self._forget_vhost, self.vhost))

    def _forget_vhost(self, vhost):
        """Its queues would fill the memory of a node that all tests share."""
        with contextlib.suppress(OSError):  # slow: the node's end takes it along
            self.api("DELETE", f"vhosts/{vhost}")

    def settings(self):
        """The section `broker` of a Leveret on these queues."""
        return f"broker: {{url: \"{self.url}\", management_url: \"{self.management_url}\", reconnect_max: 1s}}\n"

    def join(self, leveret):
        """Nothing is to be done before a Leveret starts."""

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.amqp.port}/{urllib.parse.quote(self.vhost, safe='')}"

    @property
    def management_url(self):
        return f"http://guest:guest@127.0.0.1:{self.management.port}"

    def api(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.management.port}/api/{path}", method=method,
                                         data=None if body is None and method == "GET" else json.dumps(body or {}).encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def connect(self):
        import pika
        return pika.BlockingConnection(pika.URLParameters(self.url + "?heartbeat=0"))

    def depth(self, queue):
        """Messages ready in a queue, told by the broker itself (passive declare)."""
        connection = self.connect()
        try:
            return connection.channel().queue_declare(queue, passive=True).method.message_count
        finally:
            connection.close()

    def ctl(self, *arguments):
        return self._run("ctl", self.folder, *arguments)

    def kill(self):
        self._run("kill", self.folder)

    def pid(self):
        return int((pathlib.Path(self.folder) / "pid").read_text())

    def stop(self):
        self._run("stop", self.folder)

    def start(self):
        self._run("start", self.folder)


class Leveret:
    """Leveret's roles as separate processes on one settings file; the broker is a Rabbit or an engines.Embedded."""

    def __init__(self, sandbox, broker, settings="", data="data", hostname="mta.test", listener="", log="info", data_dir=None, program=None):
        self.sandbox, self.broker = sandbox, broker
        self.program = program or leveret_binary()
        self.smtp_port = free_port()
        self.config = sandbox.path / f"{data}.yaml"
        self.data = data_dir or sandbox.path / data
        self.config.write_text(
            "version: 1\n"
            f"node: {{hostname: {hostname}, data_dir: {self.data}, log: {{level: {log}, format: json}}}}\n"
            + broker.settings() +
            f"listeners: {{relay: {{address: \"127.0.0.1:{self.smtp_port}\", max_message_size: 100MiB{listener}}}}}\n"
            + settings)
        broker.join(self)
        self.count = 0

    def start(self, role, *arguments, ready=True, environment=None):
        """Starts a role and waits until its /ready says ok. `environment` is added to ours."""
        self.count += 1
        port = free_port()
        process = self.sandbox.start(f"{role}-{self.count}", [self.program, role, "--config", str(self.config),
                                                              "--metrics", f"127.0.0.1:{port}", *arguments],
                                     env={**os.environ, **(environment or {})})
        process.metrics_port = port
        process.role = role
        if ready:
            wait_until(lambda: self.is_healthy(process), 30, f"{role} to be ready; its log: {process.log_path}")
        return process

    def is_healthy(self, process):
        if process.poll() is not None:
            raise AssertionError(f"{process.role} ended with {process.returncode}:\n" + process.log_path.read_text()[-3000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{process.metrics_port}/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def metrics(self, process):
        with urllib.request.urlopen(f"http://127.0.0.1:{process.metrics_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and line[0] != "#"}

    def verb(self, *arguments, check=True, **options):
        done = subprocess.run([self.program, *arguments, "--config", str(self.config)], capture_output=True, text=True,
                              timeout=60, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"leveret {' '.join(arguments)}: {done.returncode}: {done.stderr}")
        return done


def protobuf_module(sandbox):
    """leveret_pb2, generated from schemas/leveret.proto: what any client would do."""
    subprocess.run(["protoc", f"--python_out={sandbox.path}", f"-I{ROOT}/schemas", str(ROOT / "schemas/leveret.proto")], check=True)
    if str(sandbox.path) not in sys.path:
        sys.path.insert(0, str(sandbox.path))
    import leveret_pb2
    return leveret_pb2


class Results:
    """Collects every result from a queue of its own, bound to leveret.results, on a thread; drops repeats as a consumer should."""

    def __init__(self, sandbox, rabbit, pattern="#"):
        self.pb = protobuf_module(sandbox)
        self.rabbit = rabbit
        self.pattern = pattern
        self.queue = f"analytics-{os.getpid()}-{id(self)}"
        self.results, self.repeats = {}, 0
        self.lock = threading.Lock()
        self.stopping = False
        self._declare()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        sandbox.closers.append(self.close)

    def _declare(self):
        connection = self.rabbit.connect()
        channel = connection.channel()
        channel.queue_declare(self.queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(self.queue, "leveret.results", self.pattern)
        connection.close()

    def _run(self):
        import pika
        while not self.stopping:
            try:
                connection = self.rabbit.connect()
                channel = connection.channel()
                channel.basic_qos(prefetch_count=100)
                for method, _, body in channel.consume(self.queue, inactivity_timeout=0.2):
                    if self.stopping:
                        break
                    if method is not None:
                        self._take(body)
                        channel.basic_ack(method.delivery_tag)
                connection.close()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.2)

    def _take(self, body):
        batch = self.pb.ResultBatch()
        batch.ParseFromString(body)
        with self.lock:
            for result in batch.results:
                key = (result.id, result.recipient, result.attempt, result.event)
                self.repeats += key in self.results
                self.results[key] = result

    def events(self, recipient=None):
        """Results in order of attempt: of one recipient (bytes), or all."""
        with self.lock:
            found = [r for r in self.results.values() if recipient is None or r.recipient == recipient]
        return sorted(found, key=lambda r: (r.attempt, r.event))

    def count(self, event):
        kind = self.pb.EventKind.Value(event.upper())
        with self.lock:
            return sum(1 for r in self.results.values() if r.event == kind)

    def close(self):
        self.stopping = True
        self.thread.join(5)


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def anonymous_kib(pid):
    """Memory that the kernel cannot take back: without the mapped files of which RSS has pages."""
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def acceptance(run):
    """The frame of an acceptance test: --quick, one JSON object on the last line, exit code 0 only where it holds."""
    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short form, as tools/test runs it")
    options = parser.parse_args()
    name = pathlib.Path(sys.argv[0]).name
    started = time.monotonic()
    sandbox = Sandbox(name)
    figures = {}
    holds = False
    try:
        run(sandbox, options.quick, figures)
        holds = True
    except Exception as error:  # every failure is told in the figures; the trace goes to standard error
        import traceback
        traceback.print_exc()
        figures["failure"] = str(error)[:1000]
        for log in sorted(sandbox.path.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
    finally:
        sandbox.close()
    print(json.dumps({"test": name, "holds": holds, "quick": options.quick,
                      "seconds": round(time.monotonic() - started, 1), **figures}))
    sys.exit(0 if holds else 1)
