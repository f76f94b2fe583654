# SPDX-License-Identifier: MIT
"""What the fake hosts have in common: a unix socket that they listen at."""

import contextlib
import pathlib
import socket
import threading


class Listening:
    """A context manager: inside it connections to path are accepted, and each is served by
    _serve(connection) in a thread of its own. patience: seconds for each read of theirs."""

    def __init__(self, path, patience=None):
        self.path, self.patience = pathlib.Path(path), patience
        self.over = threading.Event()  # for who waits inside _serve()
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        self.listener.bind(str(self.path))
        self.listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink(missing_ok=True)  # a guest may have ended before, and its directory

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(self.patience)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        raise NotImplementedError
