# SPDX-License-Identifier: MIT
"""A boot test: a Linux guest that runs one command as its only workload and ends with its status.
What the command writes is passed on as it comes; how it all ended is found out by every way there
is, and these have to agree.
"""

import re
import sys

import notify
from guest import GuestDied, GuestError, GuestTimeout
from initramfs import InitramfsError, workload
from linux_guest import PANIC, LinuxGuest
from outcome import pass_on, say

NAME = "run"
END_SECONDS = 60  # from the guest's last words to its end
PANIC_SECONDS = 2  # for the rest of a panic's text
MOTE_LINE = re.compile(rb"\bmote: ")
# A kernel's line that began in the middle of one of the workload's.
PANIC_INSIDE = re.compile(rf"\[ *\d+\.\d+\](?:\[ *\w+\])? ({PANIC}.*)".encode())


class WorkloadGuest(LinuxGuest):
    """on_output gets the command's output as bytes, whole lines. That is not kept, however long it
    gets, and on_line gets all other lines of the console."""

    def __init__(self, image, words, *, on_output, append="", **options):
        append = f"mote.notify={notify.PORT} {append}".rstrip()
        super().__init__(image, append=append, **options)
        self.words = words
        self.on_output, self.prefix = on_output, f"{NAME}: ".encode()
        self.notified = None
        self.is_up = False
        self._panic_inside = None

    def _check_host(self):
        super()._check_host()
        try:
            self.workloads = workload(self.words, NAME)
        except InitramfsError as error:
            raise GuestError(error) from error

    def _prepare(self):
        super()._prepare()
        try:
            self.notified = notify.Notified(notify.listen(self), self.changed)
        except OSError as error:
            raise GuestError(f"cannot listen on port {notify.PORT}: {error.strerror}") from error

    def close(self):
        super().close()
        if self.notified:
            self.notified.finish()

    def _take_line(self, raw):
        if raw.startswith(self.prefix):
            self._panic_inside = self._panic_inside or PANIC_INSIDE.search(raw)
            self.is_up = True
            self.on_output(raw[len(self.prefix):].replace(b"\r\n", b"\n"))
        else:
            self.is_up = self.is_up or MOTE_LINE.search(raw) is not None
            super()._take_line(raw)

    def came_up(self):
        return self.is_up or bool(self.notified.values)

    def over(self):
        """Whether nothing more is to be expected."""
        return self.ended() or self.panic is not None

    def told(self):
        status = self.notified.values.get("EXIT_STATUS")
        return {**({"vsock": status} if status is not None else {}), **super().told()}

    def status(self):
        self.notified.finish()
        try:
            return super().status()
        except GuestDied:
            if self._panic_inside and not self.told():
                raise GuestDied(self._panic_inside[1].decode(errors="replace").rstrip()) from None
            if not self.came_up():
                say("the guest has ended before mote came up")
            raise


def wait_up(guest, boot_timeout, deadline):
    guest.wait_until(lambda: guest.came_up() or guest.over(), deadline.left(boot_timeout))
    if guest.came_up() or guest.over():
        return
    if deadline.left() <= 0:
        raise GuestTimeout("the guest has not come up in time")
    raise GuestError(f"the guest never came up: mote has said nothing in {boot_timeout:g} s")


def wait_end(guest, deadline):
    guest.wait_until(lambda: guest.over() or guest.told(), deadline.left())
    if not guest.over() and not guest.told():
        raise GuestTimeout("the command has not ended in time")
    guest.wait_until(guest.ended, deadline.left(PANIC_SECONDS if guest.panic else END_SECONDS))
    died = guest.dead()
    if died and guest.returncode is None:
        raise died
    if not died and not guest.panic:
        say("the guest has told its status, but does not power off")


def write_output(data):
    pass_on(sys.stdout.buffer, data)


def run(image, words, options, boot_timeout, deadline):
    """The status of the command. options: of LinuxGuest."""
    guest = WorkloadGuest(image, words, on_output=write_output, **options)
    with guest:
        wait_up(guest, boot_timeout, deadline)
        wait_end(guest, deadline)
        return guest.status()
