"""Other mail systems as relays: each takes every mail, sends it on to `onward` on this host, and sends what is for bounces.test (so its
own bounces) to `back`. Postfix is installed. Exim and OpenSMTPD are Debian's packages as well, but only one mail system can be installed, so they
are unpacked into a folder with the libraries they need, and run there (chroot)."""
import pathlib
import re
import shutil
import subprocess

import harness
import postfix

PACKAGES = {"exim": ["exim4-daemon-light"], "opensmtpd": ["opensmtpd"]}
PROGRAMS = {"exim": "usr/sbin/exim4", "opensmtpd": "usr/sbin/smtpd"}
# Of their dependencies, what a small Debian has not.
LIBRARIES = {"exim": ["libgnutls-dane0", "libidn12", "libnsl2", "libpcre2-8-0", "libdb5.3", "libtirpc3"], "opensmtpd": ["libevent-2.1-7", "libdb5.3"]}

EXIM = """
primary_hostname = exim.test
spool_directory = /spool
log_file_path = /log/%slog
pid_file_path = /log/pid
exim_user = Debian-exim
exim_group = Debian-exim
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = everybody
acl_smtp_data = everything
begin acl
everybody:
  accept
everything:
  accept
begin routers
back:
  driver = manualroute
  domains = bounces.test
  transport = back
  route_list = * 127.0.0.1
  self = send
onward:
  driver = manualroute
  transport = onward
  route_list = * 127.0.0.1
  self = send
begin transports
back:
  driver = smtp
  port = {back}
  hosts_avoid_tls = *
onward:
  driver = smtp
  port = {onward}
  hosts_avoid_tls = *
"""

OPENSMTPD = """
listen on 127.0.0.1 port {port} hostname opensmtpd.test
action "back" relay host smtp://127.0.0.1:{back}
action "onward" relay host smtp://127.0.0.1:{onward}
match from any for domain "bounces.test" action "back"
match from any for any action "onward"
"""

USERS = """root:x:0:0::/:/bin/sh
Debian-exim:x:101:101::/spool:/bin/false
opensmtpd:x:102:102::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:103:103::/var/lib/opensmtpd/empty:/bin/false
nobody:x:65534:65534::/:/bin/false
"""
GROUPS = "root:x:0:\nDebian-exim:x:101:\nopensmtpd:x:102:\nopensmtpq:x:103:\nnogroup:x:65534:\n"


def unpacked(sandbox, name):
    """A folder to be the root of the system."""
    debs, root = sandbox.path / f"{name}-packages", sandbox.path / name
    debs.mkdir()
    root.mkdir()
    root.chmod(0o755)
    wanted = PACKAGES[name] + LIBRARIES[name]
    done = subprocess.run(["apt-get", "download", *wanted], cwd=debs, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:  # no lists yet, or old ones
        subprocess.run(["apt-get", "update", "-q"], capture_output=True, timeout=300)
        done = subprocess.run(["apt-get", "download", *wanted], cwd=debs, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"the packages of {name} cannot be had: {done.stderr[-500:]}"
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, root], check=True)
    bring_libraries(root, root / PROGRAMS[name])
    for folder in ("etc", "dev", "tmp", "var/run", "run", "var/lib/opensmtpd/empty", "var/spool/smtpd", "var/mail", "spool", "log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for device, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        subprocess.run(["mknod", "-m", "666", root / "dev" / device, "c", "1", str(minor)], check=True)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {name}.test\n")
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\nservices: files\n")
    (root / "etc/mailname").write_text(f"{name}.test\n")
    return root


def bring_libraries(root, program):
    """Where the loader of a bare root finds them."""
    own = next((root / "usr/lib").glob("*-linux-gnu*"))
    into = root / "lib" / own.name
    into.mkdir(parents=True, exist_ok=True)
    told = subprocess.run(["ldd", program], env={"LD_LIBRARY_PATH": str(own)}, capture_output=True, text=True, check=True).stdout
    assert "not found" not in told, told
    for line in told.splitlines():
        found = re.search(r"(?:=>)?\s+(/\S+) \(0x", line)
        if found and "ld-linux" in found[1]:
            (root / "lib64").mkdir(exist_ok=True)
            shutil.copy(found[1], root / "lib64")
        elif found:
            shutil.copy(found[1], into)


class MailHost:
    """exim or opensmtpd, until the sandbox closes."""

    def __init__(self, sandbox, name, back, onward):
        self.name, self.port = name, harness.free_port()
        self.root = unpacked(sandbox, name)
        ports = {"port": self.port, "back": back, "onward": onward}
        if name == "exim":
            (self.root / "etc/exim.conf").write_text(EXIM.format(**ports))
            for folder in ("spool", "log"):
                shutil.chown(self.root / folder, 101, 101)
            command = ["/usr/sbin/exim4", "-C", "/etc/exim.conf", "-bdf", "-q1m"]
        else:
            (self.root / "etc/smtpd.conf").write_text(OPENSMTPD.format(**ports))
            (self.root / "var/spool/smtpd").chmod(0o711)
            command = ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]
        self.process = sandbox.start(name, ["chroot", str(self.root), *command])
        harness.wait_until(lambda: harness.port_answers(self.port), 20, f"{name}; its log: {self.process.log_path}")


class PostfixHost:
    def __init__(self, sandbox, back, onward):
        self.name = "postfix"
        self.port = postfix.Postfix(sandbox, onward, main=f"transport_maps = inline:{{bounces.test=smtp:[127.0.0.1]:{back}}}\n").port


def start(sandbox, name, back, onward):
    return PostfixHost(sandbox, back, onward) if name == "postfix" else MailHost(sandbox, name, back, onward)
