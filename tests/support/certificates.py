"""A certificate authority of our own, and what it signs."""
import datetime
import hashlib
import subprocess


def _openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True, capture_output=True).stdout


class Authority:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.file, self.key = folder / "ca.pem", folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=Test CA",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key, "-out", self.file)

    def sign(self, label, names, is_expired=False, common_name=None, has_issuer=True):
        """Files of a chain (its certificate, then ours) and a key. No names: they are the common name's."""
        chain, key, request, extensions = (self.folder / f"{label}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text("subjectAltName=" + ",".join("DNS:" + name for name in names) if names else "")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common_name or label}", "-keyout", key, "-out", request)
        command = ["x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-extfile", extensions, "-set_serial",
                   int.from_bytes(hashlib.sha256(label.encode()).digest()[:6], "big")]
        if is_expired:
            yesterday = datetime.datetime.now() - datetime.timedelta(days=1)
            signed = subprocess.run(["faketime", (yesterday - datetime.timedelta(days=9)).strftime("%Y-%m-%d %H:%M:%S"), "openssl",
                                     *map(str, command), "-days", "8"], check=True, capture_output=True).stdout
        else:
            signed = _openssl(*command, "-days", 20)
        chain.write_bytes(signed + (self.file.read_bytes() if has_issuer else b""))
        return chain, key

    def sign_itself(self, label, name):
        chain, key = self.folder / f"{label}.pem", self.folder / f"{label}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 9, "-subj", f"/CN={name}",
                 "-keyout", key, "-out", chain)
        return chain, key


def digest(chain, of_key=True, matching=1):
    """Of the first certificate in a file, or of its key: the data of a TLSA record. matching 0: all of it, 1: SHA-256, 2: SHA-512."""
    der = _openssl("x509", "-in", chain, "-outform", "der")
    if of_key:
        public = _openssl("x509", "-in", chain, "-noout", "-pubkey")
        der = _openssl("pkey", "-pubin", "-outform", "der", data=public)
    return {0: der.hex(), 1: hashlib.sha256(der).hexdigest(), 2: hashlib.sha512(der).hexdigest()}[matching]
