#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what the host tests reach in proto/, in the drivers from PCI up to vsock, and in what
Linux has of its own: workloads, and the ways to listen.

Runs the programs of build/coverage (the unit tests, and the fuzz replays with their
corpora), adds up what gcov says of every program, and prints a line for each file. Every
line and branch must be reached or stand in tests/coverage.exceptions with its reason;
an exception that is reached after all, or that matches nothing, is an error too. A JUnit
file build/tests/coverage.xml counts each file as one test.
"""

import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
COVERAGE = BUILD / "coverage"
RESULTS = BUILD / "tests" / "coverage.xml"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
EXCEPTIONS = "tests/coverage.exceptions"
COVERED = ["proto/*.[ch]", "drivers/buffer.[ch]", "drivers/virtqueue.[ch]", "drivers/vsock_*.[ch]",
           "drivers/virtio.[ch]", "drivers/virtio_mmio.c", "drivers/virtio_pci.c",
           "drivers/pci.[ch]", "drivers/tpm.c", "drivers/tpm_tis.c", "drivers/tpm_crb.c",
           "drivers/tpm_driver.h", "drivers/socket_listen.[ch]", "drivers/socket_tcp.c",
           "drivers/socket_unix.c", "drivers/socket_way.[ch]", "agent/words.[ch]",
           "agent/workload*.[ch]"]
TIMEOUT = 300  # seconds for one program


def run(program):
    """Runs one program; what it says is shown only if it fails."""
    target = program.name.removeprefix("replay_")
    corpus = sorted((CORPUS / target).iterdir()) if target != program.name else []
    result = subprocess.run([program, *corpus], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            cwd=ROOT, timeout=TIMEOUT, check=False)
    if result.returncode != 0:
        sys.exit(f"{result.stdout.decode(errors='replace')}{program.name}: failed")


def run_all():
    for counts in COVERAGE.rglob("*.gcda"):
        counts.unlink()
    units = [path.stem for path in (ROOT / "tests" / "unit").glob("test_*.c")]
    replays = [path.stem.replace("fuzz_", "replay_", 1)
               for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.c")]
    for name in sorted(units + replays):
        run(COVERAGE / name)
    return len(units + replays)


def add_up():
    """{file: {line: [executions, [times each branch was taken]]}}, over all programs."""
    sources = {str(path.relative_to(ROOT)) for glob in COVERED for path in ROOT.glob(glob)}
    counts = sorted(str(path) for path in COVERAGE.rglob("*.gcda"))
    command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", *counts]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    total = {source: {} for source in sources if source.endswith(".c")}
    for report in output.splitlines():
        for file in json.loads(report)["files"]:
            if file["file"] in sources:
                add_file(total.setdefault(file["file"], {}), file["lines"])
    return total


def add_file(total, lines):
    for line in lines:
        entry = total.setdefault(line["line_number"], [0, []])
        branches = [branch["count"] for branch in line["branches"]]
        entry[0] += line["count"]
        entry[1] += [0] * (len(branches) - len(entry[1]))
        for i, count in enumerate(branches):
            entry[1][i] += count


def missing(entry):
    """What was not reached in a line: "never", or "branch 1 of 4, ..."; or nothing."""
    executions, branches = entry
    if executions == 0:
        return "never"
    missed = [str(i + 1) for i, count in enumerate(branches) if count == 0]
    return f"branch {', '.join(missed)} of {len(branches)}" if missed else ""


def read_exceptions():
    """{(file, text of the line)}; each stands as FILE: TEXT -- REASON."""
    exceptions = set()
    for line in (ROOT / EXCEPTIONS).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        place, _, reason = line.partition(" -- ")
        file, _, text = place.partition(": ")
        if not text or not reason:
            sys.exit(f"{EXCEPTIONS}: not FILE: TEXT -- REASON: {line}")
        exceptions.add((file, text))
    return exceptions


def judge(file, lines, exceptions):
    """What is wrong with a file. An exception that was needed is counted."""
    text = [""] + [line.strip() for line in (ROOT / file).read_text().splitlines()]
    wrong = [] if lines else [f"{file}: no test is linked with it"]
    for number, entry in sorted(lines.items()):
        what = missing(entry)
        if what and (file, text[number]) in exceptions:
            exceptions[(file, text[number])] += 1
        elif what:
            wrong.append(f"{file}:{number}: {what}: {text[number]}")
    return wrong


def print_row(name, lines, excepted):
    branches = [count for _, taken in lines for count in taken]
    reached = sum(executions != 0 for executions, _ in lines)
    taken = sum(count != 0 for count in branches)
    print(f"{name:28}{share(reached, len(lines))}{share(taken, len(branches))}{excepted:11}")


def share(part, whole):
    return f"{part:6} / {whole:<4} {100 * part / whole:6.1f} %" if whole else f"{'-':>22}"


def write_junit(failures):
    """{name: [what is wrong with it]} as one test each."""
    suite = ElementTree.Element("testsuite", name="coverage")
    for name, wrong in failures.items():
        case = ElementTree.SubElement(suite, "testcase", name=name)
        if wrong:
            ElementTree.SubElement(case, "failure").text = "\n".join(wrong)
    ElementTree.ElementTree(suite).write(RESULTS)


def main():
    print(f"coverage: {run_all()} programs")
    total = add_up()
    exceptions = dict.fromkeys(read_exceptions(), 0)
    failures = {file: judge(file, lines, exceptions) for file, lines in sorted(total.items())}
    failures[EXCEPTIONS] = [f"{EXCEPTIONS}: reached, or not there: {file}: {text}"
                            for (file, text), uses in exceptions.items() if uses == 0]
    print(f"{'file':28}{'lines':>22}{'branches':>22}{'exceptions':>11}")
    for file, lines in sorted(total.items()):
        print_row(file, lines.values(), sum(n for (f, _), n in exceptions.items() if f == file))
    print_row("all", [line for lines in total.values() for line in lines.values()],
              sum(exceptions.values()))
    for line in (line for wrong in failures.values() for line in wrong):
        print(f"    {line}")
    write_junit(failures)
    return any(failures.values())


if __name__ == "__main__":
    sys.exit(main())
