"""A real DNS server (nsd) on loopback with the zone that a test wants."""
import harness

CONFIG = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  logfile: "{folder}/nsd.log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "zone.txt"
"""

HEAD = """$ORIGIN {zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
"""


class DnsServer:
    def __init__(self, sandbox, zone, records):
        self.port = harness.free_port()
        folder = sandbox.path / "nsd"
        folder.mkdir()
        (folder / "zone.txt").write_text(HEAD.format(zone=zone) + records)
        (folder / "nsd.conf").write_text(CONFIG.format(port=self.port, folder=folder, zone=zone))
        self.process = sandbox.start("nsd", ["/usr/sbin/nsd", "-d", "-c", str(folder / "nsd.conf")])
        harness.wait_until(lambda: harness.port_answers(self.port), 10, "nsd")
