"""A small file system of a test's own: ext4 on a loop file, which can be cut off as by a power failure, or a tmpfs.

A cut throws away what was not flushed: the shutdown ioctl without a flush of the journal, then unmounted and mounted again. Needs root and
loop devices. A mount point is only ever unmounted, never removed from."""
import errno
import fcntl
import os
import struct
import subprocess
import time

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2


class Unavailable(Exception):
    """There are no loop devices, or no right to use them; the text says which."""


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {done.stderr.strip()[-200:]}")


class Disk:
    def __init__(self, sandbox, name, mib, kind="ext4"):
        self.image, self.path, self.kind, self.mib = sandbox.path / f"{name}.img", sandbox.path / name, kind, mib
        if os.geteuid() != 0:
            raise Unavailable("only root may mount")
        self.path.mkdir()
        self.is_mounted = False
        if kind == "ext4":
            with open(self.image, "wb") as image:
                image.truncate(mib << 20)
            run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        self.mount()
        sandbox.closers.append(self.unmount)

    def mount(self):
        if self.kind == "ext4":
            run("mount", "-t", "ext4", "-o", "loop", self.image, self.path)
        else:
            run("mount", "-t", self.kind, "-o", f"size={self.mib}m", self.kind, self.path)
        self.is_mounted = True
        self.path.chmod(0o755)

    def unmount(self):
        """Whoever used it has ended; the kernel may need a moment to see it."""
        for _ in range(100):
            if not self.is_mounted:
                return
            try:
                run("umount", self.path)
                self.is_mounted = False
            except Unavailable:
                time.sleep(0.1)
        raise AssertionError(f"{self.path} cannot be unmounted")

    def sync(self):
        run("sync", "-f", self.path)

    def cut(self):
        """From here on nothing is written any more, and every call of those who use it fails."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as error:
            raise Unavailable(f"shutdown ioctl: {os.strerror(error.errno)}") from error
        finally:
            os.close(fd)

    def come_back(self):
        self.unmount()
        self.mount()

    def free_bytes(self):
        told = os.statvfs(self.path)
        return told.f_bavail * told.f_frsize

    def fill(self, leave_bytes=0):
        """A file that takes all space but so much."""
        block = b"\0" * 65536
        with open(self.path / "ballast", "ab", buffering=0) as ballast:
            try:
                while self.free_bytes() > leave_bytes:
                    size = min(len(block), max(self.free_bytes() - leave_bytes, 4096))
                    ballast.write(block[:size])
                    os.fsync(ballast.fileno())
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self):
        (self.path / "ballast").unlink(missing_ok=True)


def prove_that_a_cut_loses(disk):
    """The fault itself is tested: what was synced is there after it, what was not is gone."""
    with open(disk.path / "synced", "w") as file:
        file.write("kept")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(disk.path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    (disk.path / "not-synced").write_text("lost")
    disk.cut()
    disk.come_back()
    assert (disk.path / "synced").read_text() == "kept", "a power cut took what was synced"
    assert not (disk.path / "not-synced").exists(), "a power cut took nothing: the test would find nothing"
    (disk.path / "synced").unlink()
