# SPDX-License-Identifier: MIT
"""Every file of the fuzz corpora, and variants of it, through its target, built without a fuzzer:
what was found once stays found. tests/fuzz/run.py looks for more."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
TIMEOUT = 600  # seconds; the program itself gives an endless loop 60

SEEDS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_every_target_has_a_corpus():
    targets = {path.stem.removeprefix("fuzz_") for path in CORPUS.parent.glob("fuzz_*.c")}
    assert targets == {path.parent.name for path in SEEDS}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_replay(seed):
    program = BUILD / "fuzz" / f"replay_{seed.parent.name}"
    result = subprocess.run([program, seed], capture_output=True, timeout=TIMEOUT, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
