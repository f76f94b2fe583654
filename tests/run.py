#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests and counts them: `tests/run.py [SUITE ...]`, by default all of SUITES.

Every suite writes a JUnit file under build/tests/; a suite that ends badly without
having written one, or without a test in it, counts as one failure. The last line is
"N passed, N failed", with ", N skipped" when some were; each skip was printed with its reason.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
RESULTS = BUILD / "tests"
TIMEOUT = 2400  # seconds for one suite: a slow machine may take what it needs
TEST_TIMEOUT = 900  # and for one of pytest's tests, which is then told with what it waited for
END_SECONDS = 60  # for a suite to clean up behind itself


def unit_programs():
    """The cmocka programs, each with where it writes its results."""
    for source in sorted((ROOT / "tests" / "unit").glob("test_*.c")):
        xml = RESULTS / f"{source.stem}.xml"
        environment = {"CMOCKA_MESSAGE_OUTPUT": "xml", "CMOCKA_XML_FILE": str(xml)}
        yield source.stem, [str(BUILD / "unit" / source.stem)], environment, xml


def pytest_suite(name):
    xml = RESULTS / f"{name}.xml"
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
               f"--timeout={TEST_TIMEOUT}", "--timeout-method=signal", f"--junitxml={xml}",
               f"tests/{name}"]
    yield f"tests/{name}", command, {"PYTHONDONTWRITEBYTECODE": "1"}, xml


def coverage():
    """Every file that is measured counts as a test."""
    yield "coverage", ["/usr/bin/python3", "tests/coverage.py"], {}, RESULTS / "coverage.xml"


SUITES = {
    "unit": lambda: [*unit_programs(), *pytest_suite("unit")],
    "coverage": lambda: [*coverage()],
    "service": lambda: [*pytest_suite("service")],
    "boot": lambda: [*pytest_suite("boot")],
    "linux": lambda: [*pytest_suite("linux_boot")],
    "interop": lambda: [*pytest_suite("interop")],
}


def count(xml):
    """Passed, failed and skipped tests of a JUnit file."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(xml).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def status_of(command, environment):
    """What a suite exits with; None when it had to be ended."""
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(TIMEOUT)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        process.kill()
    return None


def run(name, command, environment, xml):
    """Runs one suite and returns its counts."""
    xml.unlink(missing_ok=True)
    begin = time.monotonic()
    status = status_of(command, environment)
    try:
        passed, failed, skipped = count(xml)
    except (OSError, ElementTree.ParseError):
        passed = failed = skipped = 0
    if (status != 0 and failed == 0) or passed + failed + skipped == 0:
        failed += 1
        how = f"not in {TIMEOUT} s" if status is None else f"with status {status}"
        print(f"{name}: ended {how}", flush=True)
    seconds = time.monotonic() - begin
    print(f"{name}: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.1f} s",
          flush=True)
    return passed, failed, skipped


def main():
    # Tests send it; who started us in the background of a shell would have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    names = sys.argv[1:] or list(SUITES)
    if not set(names) <= set(SUITES):
        sys.exit(f"usage: tests/run.py [{'|'.join(SUITES)} ...]")
    (ROOT / RESULTS).mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    totals = [sum(column) for column in
              zip(*(run(*suite) for name in names for suite in SUITES[name]()))]
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
