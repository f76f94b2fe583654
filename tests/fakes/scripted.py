# SPDX-License-Identifier: MIT
"""A host that says what a test has it say: one port of it, at the unix socket PATH_PORT, for a guest
over vsockd as for mote as a process with MOTE_HOST=unix:PATH.
"""

import contextlib
import json
import os
import select
import socket
import threading

from helpers import PATIENCE


class Host:
    """A context manager: inside it somebody listens at a port of the host, and has each connection
    to serve(connection). requests: behind it, what serve() returned."""

    def __init__(self, place, port, serve):
        self.place, self.port, self.serve, self.requests = place, port, serve, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.listener.bind(f"{self.place}_{self.port}")
        self.listener.listen()
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.listener.close()
        os.unlink(f"{self.place}_{self.port}")

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(PATIENCE)
                    self.requests.append(self.serve(connection))


def read_all(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def answering(answer, size=65536):
    """Answers when the request has ended, in pieces of so many bytes."""
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def serve(connection):
        request = read_all(connection)
        for at in range(0, len(data), size):
            connection.sendall(data[at:at + size])
        return request
    return serve


def silent(connection):
    """Until the guest has gone altogether."""
    request, gone = read_all(connection), select.poll()
    gone.register(connection, 0)
    gone.poll(PATIENCE * 1000)
    return request


def resetting(connection):
    """It never reads: the end of its connection is a reset."""
    connection.recv(1, socket.MSG_PEEK)
