# SPDX-License-Identifier: MIT
"""What all ways to run a guest have in common: the exit codes of qemu/run, what it says and what
it passes on, and the time that it has.
"""

import math
import os
import signal
import sys
import time

TIMEOUT, FAILED, NOT_EXECUTABLE, NOT_FOUND = 124, 125, 126, 127


def say(text):
    print(f"qemu/run: {text}", file=sys.stderr, flush=True)


def pass_on(stream, data):
    """Writes at once. When nobody looks any more, we end as if told to, with nothing to flush."""
    try:
        stream.write(data)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


class Deadline:
    """What is left of --timeout."""

    def __init__(self, seconds):
        self.end = time.monotonic() + (math.inf if seconds is None else seconds)

    def left(self, at_most=math.inf):
        return min(self.end - time.monotonic(), at_most)
