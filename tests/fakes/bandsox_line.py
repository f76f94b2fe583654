# SPDX-License-Identifier: MIT
"""A Bandsox host's end of the serial line: requests go as json.dumps() makes them, and events
come back, among lines that are none. transport: a socket, or the file descriptor of a terminal.
"""

import base64
import concurrent.futures
import json
import os
import select
import time
import uuid

READY = b'{"type":"status","payload":{"status":"ready"}}'


class Line:
    """What it has read and nobody has taken yet stays in data."""

    def __init__(self, transport, patience=60):
        self.fd = transport if isinstance(transport, int) else transport.fileno()
        self.patience, self.data = patience, b""
        self.writer = concurrent.futures.ThreadPoolExecutor(1)

    def read_line(self):
        """The next line without its end."""
        deadline = time.monotonic() + self.patience
        while b"\n" not in self.data:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no line, but {self.data!r}")
            self.data += os.read(self.fd, 65536)
        line, self.data = self.data.split(b"\n", 1)
        return line.removesuffix(b"\r")

    def read_to_end(self):
        """Everything that is left."""
        while piece := os.read(self.fd, 65536):
            self.data += piece
        return self.data

    def event(self):
        """The next event, as (type, payload); what is no JSON is passed over, as hosts do."""
        while True:
            try:
                event = json.loads(self.read_line())
                return event["type"], event["payload"]
            except json.JSONDecodeError:
                pass

    def write(self, data):
        """By a thread, one after the other, so that neither side is held up by the other."""
        self.writer.submit(self._write, data)

    def _write(self, data):
        while data:
            data = data[os.write(self.fd, data[:4096]):]

    def send(self, kind, **fields):
        """A request; its id."""
        fields = {"id": str(uuid.uuid4()), **fields, "type": kind}
        self.write(json.dumps(fields).encode() + b"\n")
        return fields["id"]

    def until_exit(self, *names):
        """{id: its events}, up to the exit of each; no event may be of another."""
        events = {name: [] for name in names}
        while not all(found and found[-1][0] == "exit" for found in events.values()):
            kind, payload = self.event()
            assert not (events[payload["cmd_id"]] and events[payload["cmd_id"]][-1][0] == "exit")
            events[payload["cmd_id"]].append((kind, payload))
        return events

    def ask(self, kind, **fields):
        """The events of a request without its id, the last of which is `exit`."""
        name = self.send(kind, **fields)
        events = self.until_exit(name)[name]
        return [(kind, {key: value for key, value in payload.items() if key != "cmd_id"})
                for kind, payload in events]


def output(events, stream="stdout"):
    """All that an exec has written there."""
    return b"".join(base64.b64decode(payload["data"]) for kind, payload in events
                    if kind == "output" and payload["stream"] == stream)
