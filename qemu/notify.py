# SPDX-License-Identifier: MIT
"""What a Linux guest tells the host by itself, on a vsock port that mote.notify names on its
command line: words KEY=VALUE, one connection for each occasion, which the host closes last.
"""

import os
import select
import socket
import threading

PORT = 1030
SECONDS = 10  # that one connection may take, and their end
SIZE_MAX = 4096


def listen(guest):
    """A listener for a guest that is about to start."""
    if guest.vsock == "vhost":
        listener = socket.socket(socket.AF_VSOCK)
        listener.bind((socket.VMADDR_CID_ANY, PORT))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{guest.uds}_{PORT}")
    listener.listen()
    return listener


class Notified:
    """Keeps the newest value of each key, as text; changed is notified when there is one."""

    def __init__(self, listener, changed):
        self.listener, self.changed, self.values = listener, changed, {}
        self.wakened, self.wake = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        """Until there is no connection left when it is told to end."""
        while True:
            ready, _, _ = select.select([self.listener, self.wakened], [], [])
            if self.listener not in ready:
                return
            with self.listener.accept()[0] as connection:
                self._take(self._read(connection))

    @staticmethod
    def _read(connection):
        data = b""
        connection.settimeout(SECONDS)
        try:
            while len(data) < SIZE_MAX and (piece := connection.recv(SIZE_MAX)):
                data += piece
        except OSError:
            pass  # what came before counts
        return data

    def _take(self, data):
        pairs = (line.partition("=") for line in data.decode(errors="replace").splitlines())
        with self.changed:
            self.values.update((key, value) for key, _, value in pairs)
            self.changed.notify_all()

    def finish(self):
        """Takes what has come, and ends; may be called again."""
        if self.wake is None:
            return
        os.write(self.wake, b"\0")
        self.thread.join(2 * SECONDS)
        self.listener.close()
        os.close(self.wake)
        os.close(self.wakened)
        self.wake = None
