# SPDX-License-Identifier: MIT
"""The same command again and again: what one boot in a hundred does shows here. As often as
MOTE_RUNS in the environment says.
"""

import os
import subprocess

import pytest

from helpers import ROOT
from inside import ROWS, TIMEOUT

RUNS = int(os.environ.get("MOTE_RUNS", "20"))


@pytest.mark.parametrize("turn", range(RUNS))
def test_exit_status(request, turn):
    kernel, machine = list(ROWS.values())[turn % len(ROWS)]
    done = subprocess.run([ROOT / "qemu" / "run", "--kernel", request.getfixturevalue(kernel),
                           "--machine", machine, "--timeout", str(TIMEOUT), "--",
                           "sh", "-c", "exit 7"], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "qemu/run:" not in done.stderr and done.stdout == ""
