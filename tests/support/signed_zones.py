"""Zones on a real DNS server (knot), signed or not, and the trust anchors that a validating resolver needs for them."""
import subprocess

import harness

CONFIG = """
server:
  listen: 127.0.0.1@{port}
  rundir: "{folder}"
log:
  - target: stderr
    any: warning
database:
  storage: "{folder}"
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
"""
HEAD = "$ORIGIN {zone}.\n$TTL 2\n@ SOA ns hostmaster {serial} 3600 600 86400 2\n@ NS ns\nns A 127.0.0.1\n"


class SignedZones:
    """`signed`, `bogus` and `plain`: zone -> records. The anchor of a bogus zone is the digest of nobody's key."""

    def __init__(self, sandbox, signed, bogus, plain):
        self.folder = sandbox.path / "knot"
        self.folder.mkdir()
        self.port = harness.free_port()
        self.serial = 1
        self.anchor = self.folder / "anchors"
        text = CONFIG.format(port=self.port, folder=self.folder)
        for zone in [*signed, *bogus, *plain]:
            text += f"  - domain: {zone}\n    file: {zone}.zone\n"
            if zone not in plain:
                text += "    dnssec-signing: on\n    dnssec-policy: signed\n"
        self.config = self.folder / "knot.conf"
        self.config.write_text(text)
        for zone, records in {**signed, **bogus, **plain}.items():
            self._write(zone, records)
        self.process = sandbox.start("knot", ["/usr/sbin/knotd", "-c", str(self.config)])
        harness.wait_until(lambda: harness.port_answers(self.port), 10, "knot")
        lines = [harness.wait_until(lambda zone=zone: self._ds(zone), 10, f"the key of {zone}") for zone in signed]
        lines += [f"{zone}. IN DS 1 13 2 {'00' * 32}" for zone in bogus]
        self.anchor.write_text("\n".join(lines) + "\n")

    def _write(self, zone, records):
        (self.folder / f"{zone}.zone").write_text(HEAD.format(zone=zone, serial=self.serial) + records)

    def _ds(self, zone):
        done = subprocess.run(["/usr/sbin/keymgr", "-c", str(self.config), zone, "ds"], capture_output=True, text=True)
        found = [line for line in done.stdout.splitlines() if " 13 2 " in line]
        if not found:
            return None
        name, rest = found[0].split(None, 1)
        return f"{name} IN {rest}"

    def change(self, zone, records):
        self.serial += 1
        self._write(zone, records)
        subprocess.run(["/usr/sbin/knotc", "-s", str(self.folder / "knot.sock"), "-b", "zone-reload", zone], check=True, capture_output=True)
