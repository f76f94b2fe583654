#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the fuzz targets that are built: `tests/fuzz/run.py [SECONDS] [TARGET...]`.

Each target of build/fuzz runs for SECONDS (default 60) from a copy of its corpus, which
stays as it is; what it finds is kept in build/fuzz/crashes. One line per target says how
many inputs ran and how many edges of the code they reached. Ends with 1 on any finding.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build") / "fuzz"
CRASHES = BUILD / "crashes"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
INPUT_MAX = 4096  # bytes: enough for every limit but the longest line
INPUT_TIMEOUT = 10  # seconds for one input: past it, a loop has no end
GRACE = 120  # seconds to start, and to write down what was found
SHOWN = 40  # lines of a finding's report


def command(target, seconds, corpus):
    # What the code prints is closed: the reports come by standard error.
    return [str(BUILD / target), "-close_fd_mask=1", f"-max_total_time={seconds}",
            f"-max_len={INPUT_MAX}", f"-timeout={INPUT_TIMEOUT}", "-print_final_stats=1",
            f"-artifact_prefix={CRASHES}/{target}-", str(corpus)]


def summary(log):
    """Executions and edges, as the last words of libFuzzer have them."""
    runs = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log)
    edges = re.findall(r"\bcov: (\d+)", log)
    return (runs or ["no"])[-1], (edges or ["no"])[-1]


def report(log):
    """The part of a log that tells of the finding."""
    lines = log.splitlines()
    first = next((i for i, line in enumerate(lines)
                  if re.search(r"ERROR:|runtime error|CHECK\(", line)), max(len(lines) - SHOWN, 0))
    return "\n".join(lines[first:first + SHOWN])


def fuzz(target, seconds):
    """Runs one target; returns whether it found nothing."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        corpus = pathlib.Path(temporary) / "corpus"
        shutil.copytree(CORPUS / target.removeprefix("fuzz_"), corpus)
        log = pathlib.Path(temporary) / "log"
        with log.open("wb") as stderr:
            status = subprocess.run(command(target, seconds, corpus), stdout=subprocess.DEVNULL,
                                    stderr=stderr, cwd=ROOT, timeout=seconds + GRACE,
                                    check=False).returncode
        text = log.read_text(errors="replace")
    runs, edges = summary(text)
    print(f"{target}: {runs} executions, {edges} edges: {'ok' if status == 0 else 'FINDING'}",
          flush=True)
    if status != 0:
        print(report(text), flush=True)
    return status == 0


def main():
    arguments = sys.argv[1:]
    seconds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 60
    built = sorted(p.name for p in BUILD.glob("fuzz_*") if p.is_file() and os.access(p, os.X_OK))
    targets = [f"fuzz_{name.removeprefix('fuzz_')}" for name in arguments] or built
    if not targets or not set(targets) <= set(built):
        sys.exit(f"usage: tests/fuzz/run.py [SECONDS] [TARGET...]; built: {' '.join(built) or 'none'}")
    CRASHES.mkdir(parents=True, exist_ok=True)
    results = [fuzz(target, seconds) for target in targets]
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
