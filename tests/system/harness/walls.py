# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Mounts of a daemon's own: a small disk under its state_dir, a journal socket that is ours. They end with the daemon."""
import os
import socket
import subprocess
from pathlib import Path

import pytest

ENTER = ("unshare", "--mount", "--propagation", "private", "sh", "-c")
SMALL_DISK = 'mount -t tmpfs -o size=256k,mode=0700 tmpfs "$1" || exit 71; shift\n'
JOURNAL = ('mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal || exit 71; shift\n'
           'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM\n')


def need_mounts():
    if os.geteuid() != 0:
        pytest.skip("not root: the daemon hides its memory, so nobody else may look into its mounts")
    done = subprocess.run([*ENTER, "mount -t tmpfs tmpfs /mnt"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mount can be made here: {done.stderr.strip()}")


def small_disk(daemon):
    """Before start(): state_dir is a disk of 256 KiB."""
    need_mounts()
    state = daemon.state
    daemon.wrapper += [*ENTER, SMALL_DISK + 'exec "$@"', "sh", state]
    start = daemon.start

    def started():
        assert daemon.process is None or not daemon.process.running()
        daemon.state = state
        start()
        daemon.state = Path(f"/proc/{daemon.process.pid}/root{state}")
        return daemon

    daemon.start = started


def fill(daemon):
    """Nothing more goes onto the daemon's disk; the file that takes the room."""
    path = daemon.state / "fills-the-disk"
    with open(path, "wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 4096)
        except OSError:
            return path


class Journal:
    """What stands where the journal's socket is; read() takes what came, and who does not read lets it fill."""

    def __init__(self, daemon, folder):
        need_mounts()
        folder.mkdir()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(str(folder / "socket"))
        self.socket.setblocking(False)
        daemon.wrapper += [*ENTER, JOURNAL + 'exec "$@"', "sh", folder]

    def read(self):
        entries = []
        while True:
            try:
                entries.append(self.socket.recv(1 << 17).decode(errors="replace"))
            except BlockingIOError:
                return entries

    def close(self):
        self.socket.close()
