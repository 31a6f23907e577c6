# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A network of one's own, with nothing but loopback in it: every port is free there, whatever runs on this host."""
import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8913, 0x8914, 0x8916, 0x891c, 1
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPABILITY_VERSION_3 = 47, 2, 0x20080522
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 10, 12, 13, 21
LIBC = ctypes.CDLL(None, use_errno=True)


def _called(status, what):
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class OwnNetwork:
    """This thread and what it starts live in the new network until leave(). Raises OSError where that is not permitted.
    as_user: with a user namespace, from which there is no way back; what is started there may mount too."""

    def __init__(self, as_user=False):
        self.home = None if as_user else os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        ids = os.geteuid(), os.getegid()
        try:
            _called(LIBC.unshare(CLONE_NEWNET | (CLONE_NEWUSER if as_user else 0)), "no network of our own")
            if as_user:
                self.become(*ids)
        except OSError:
            if self.home is not None:
                os.close(self.home)
            raise
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            flags = struct.unpack("16sh14x", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0)))[1]
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))

    @staticmethod
    def become(uid, gid):
        """The same user as before, who has a few rights here that programs keep."""
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        kept = (CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN)
        bits = sum(1 << c for c in kept)
        head, data = struct.pack("Ii", CAPABILITY_VERSION_3, 0), struct.pack("6I", bits, bits, bits, 0, 0, 0)
        _called(LIBC.capset(head, data), "no rights there")
        for c in kept:
            _called(LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0), "no rights for programs")

    @staticmethod
    def add_address(label, address):
        """One more address of loopback; label: lo:0, lo:1..."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.255")):
                wanted = struct.pack("16sHH4s8x", label.encode(), socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(s, request, wanted)

    def leave(self):
        if self.home is not None:
            assert LIBC.setns(self.home, CLONE_NEWNET) == 0
            os.close(self.home)
