"""Two foreign verifiers of DKIM, dkimpy and OpenDKIM, which ask a real name server on loopback for the keys."""
import subprocess

import dkim
import dns.resolver

import harness

NAME_SERVER = """
server:
  ip-address: 127.0.0.1@53
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/53.pid"
  xfrdfile: "{folder}/53.xfrd"
  zonelistfile: "{folder}/53.list"
  logfile: "{folder}/53.log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "zone.txt"
"""

# OpenDKIM asks the name server of resolv.conf, on port 53: in a network and with a resolv.conf that are ours alone.
INSIDE = """
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
/usr/sbin/nsd -d -c "$1/53.conf" &
server=$!
for try in $(seq 100); do
	python3 -c 'import socket; socket.create_connection(("127.0.0.1", 53), 1)' 2>/dev/null && break
	sleep 0.1
done
for message in "$2"/*.eml; do
	why=$(opendkim-testmsg -t "$2" <"$message" 2>&1)
	echo "$(basename "$message" .eml) $? $why"
done
kill $server
wait
"""


class Dkimpy:
    """Verifies every signature by itself."""

    def __init__(self, dns_port):
        self.resolver = dns.resolver.Resolver(configure=False)
        self.resolver.nameservers = ["127.0.0.1"]
        self.resolver.port = dns_port
        self.records = {}

    def forget(self):
        self.records = {}

    def record(self, name, timeout=5):
        if name not in self.records:
            answer = self.resolver.resolve(name.decode().rstrip("."), "TXT", lifetime=timeout, search=False)
            self.records[name] = b"".join(answer[0].strings)
        return self.records[name]

    def verify(self, message, count):
        """The first `count` signatures; gives their tags."""
        tags = []
        for index in range(count):
            verifier = dkim.DKIM(message)
            assert verifier.verify(idx=index, dnsfunc=self.record), f"signature {index} does not verify"
            tags.append({name.decode(): value.decode() for name, value in verifier.signature_fields.items()})
        return tags

    def holds(self, message, index=0):
        try:
            return dkim.DKIM(message).verify(idx=index, dnsfunc=self.record)
        except dkim.DKIMException:
            return False


def opendkim(sandbox, zone, messages, folder="opendkim"):
    """What opendkim-testmsg says of messages by name: "" where it holds. It asks nsd with the zone file of name_server.DnsServer. As root."""
    work, zone_folder = sandbox.path / folder, sandbox.path / "nsd"
    work.mkdir()
    (zone_folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (zone_folder / "53.conf").write_text(NAME_SERVER.format(folder=zone_folder, zone=zone))
    for name, message in messages.items():
        (work / f"{name}.eml").write_bytes(message)
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", INSIDE, "sh", str(zone_folder), str(work)], capture_output=True, text=True, timeout=300)
    said = {}
    for line in done.stdout.splitlines():
        name, code, *why = line.split(" ", 2)
        said[name] = "" if code == "0" else f"{code} {' '.join(why)}"
    assert set(said) == set(messages), f"opendkim-testmsg: {done.stdout[-500:]}{done.stderr[-1000:]}"
    return said


def openssl_speed(algorithm, seconds):
    """Signatures per second that `openssl speed` makes."""
    done = subprocess.run(["openssl", "speed", "-seconds", str(seconds), algorithm], capture_output=True, text=True, timeout=120, check=True)
    return float(done.stdout.strip().splitlines()[-1].split()[-2])


def signing_speed(key, message, seconds):
    """Signatures per second of one core, by our own code."""
    done = subprocess.run([harness.built("bench_dkim", "release"), str(key), str(message), str(seconds)], capture_output=True, text=True, timeout=120, check=True)
    return float(done.stdout)
