"""A private Postfix to be compared with: tuned for bulk as its documents advise, or as it is."""
import pathlib
import subprocess

import harness
import load

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_client_event_limit_exceptions = 127.0.0.0/8
smtp_host_lookup = native
disable_dns_lookups = yes
smtp_tls_security_level =
maillog_file = /dev/null
maillog_file_prefixes = /dev
address_verify_map =
smtp_tls_session_cache_database =
smtpd_tls_session_cache_database =
alias_maps =
"""

POSTFIX_TUNED = """
in_flow_delay = 0
default_process_limit = 200
qmgr_message_active_limit = 40000
qmgr_message_recipient_limit = 40000
default_destination_concurrency_limit = 40
initial_destination_concurrency = 40
default_destination_recipient_limit = 50
smtp_connection_cache_on_demand = yes
smtp_connection_reuse_count_limit = 0
"""


class Postfix:
    """Its queue files are fsynced, as always. All mail goes to the sink. Not tuned: what is not about this place is as Postfix comes."""

    def __init__(self, sandbox, sink_port, name="postfix", main="", is_tuned=True):
        self.port = harness.free_port()
        folder = sandbox.path / name
        (folder / "etc").mkdir(parents=True)
        for name in ("spool", "lib"):
            (folder / name).mkdir()
        subprocess.run(["chown", "postfix:postfix", folder / "lib"], check=True)
        (folder / "etc/main.cf").write_text(POSTFIX_MAIN.format(folder=folder, sink=sink_port) + (POSTFIX_TUNED if is_tuned else "") + main)
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
        lines = [f"127.0.0.1:{self.port} inet n - n - - smtpd"]
        for line in master.splitlines():
            if line.startswith("smtp      inet") or line.startswith("#"):
                continue
            lines.append(line.replace("  y  ", "  n  "))
        (folder / "etc/master.cf").write_text("\n".join(lines) + "\n")
        self.etc, self.folder = folder / "etc", folder
        self.command("postfix", "check")
        self.command("postfix", "start")
        sandbox.closers.append(self.stop)
        harness.wait_until(lambda: harness.port_answers(self.port), 20, "Postfix")

    def command(self, *arguments):
        done = subprocess.run([load.program(arguments[0]), "-c", str(self.etc), *arguments[1:]], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr[-1000:]}")

    def stop(self):
        subprocess.run([load.program("postfix"), "-c", str(self.etc), "stop"], capture_output=True)

    def pids(self):
        """The master and its children."""
        master = int((self.folder / "spool/pid/master.pid").read_text())
        children = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True).stdout.split()
        return [master, *map(int, children)]
