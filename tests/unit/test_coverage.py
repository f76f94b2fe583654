# SPDX-License-Identifier: MIT
"""tests/coverage.py: what it counts, what makes it fail, and what an exception may say."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """int half(int n);
int half(int n)
{
    if (n < 0)
        return 0;
    return n / 2;
}
"""
CALLS_ALL = "int half(int); int main(void) { return half(-1) + half(1); }"
CALLS_ONE = "int half(int); int main(void) { return half(1); }"
CALLS_OTHER = "int half(int); int main(void) { return half(-1); }"
FAILS = "int half(int); int main(void) { return half(3); }"
EXCEPTIONS = "proto/a.c: if (n < 0) -- nobody asks\nproto/a.c: return 0; -- nor is told\n"


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """A tree with one source to measure; tree(programs, exceptions) -> the finished run."""
    for name in ["tests/unit", "build/coverage", "build/tests", "proto"]:
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "coverage.py", tmp_path / "tests")
    (tmp_path / "proto" / "a.c").write_text(SOURCE)

    def measure(programs, exceptions=""):
        (tmp_path / "tests" / "coverage.exceptions").write_text(exceptions)
        for i, program in enumerate(programs):
            (tmp_path / "tests" / "unit" / f"test_{i}.c").write_text(program)
            flags = ["-O0", "--coverage", "-dumpdir", f"build/coverage/{i}-"]
            subprocess.run(["gcc", *flags, f"tests/unit/test_{i}.c", "proto/a.c",
                            "-o", f"build/coverage/test_{i}"], cwd=tmp_path, check=True)
        return subprocess.run([sys.executable, "tests/coverage.py"], cwd=tmp_path, text=True,
                              capture_output=True, check=False)
    return measure


def test_everything_reached(tree, tmp_path):
    done = tree([CALLS_ALL])
    assert done.returncode == 0
    assert "proto/a.c" in done.stdout and "2 / 2" in done.stdout
    cases = list(ElementTree.parse(tmp_path / "build/tests/coverage.xml").iter("testcase"))
    assert [case.get("name") for case in cases] == ["proto/a.c", "tests/coverage.exceptions"]
    assert not any(list(case) for case in cases)


def test_programs_add_up(tree):
    assert tree([CALLS_ONE, CALLS_OTHER]).returncode == 0


@pytest.mark.parametrize("exceptions", ["", EXCEPTIONS.splitlines()[0], "# a remark\n"])
def test_branch_that_is_missing(tree, tmp_path, exceptions):
    done = tree([CALLS_ONE], exceptions)
    assert done.returncode == 1
    assert "proto/a.c:5: never: return 0;" in done.stdout
    assert ("proto/a.c:4: branch 1 of 2: if (n < 0)" in done.stdout) == ("nobody" not in exceptions)
    assert "proto/a.c:5" in (tmp_path / "build/tests/coverage.xml").read_text()


def test_exception_counts(tree):
    assert tree([CALLS_ONE], EXCEPTIONS).returncode == 0


@pytest.mark.parametrize("exception", [
    "proto/a.c: if (n < 0) -- it is reached after all",
    "proto/a.c: if (n > 9) -- there is no such line",
    "proto/b.c: if (n < 0) -- nor such a file",
])
def test_exception_that_is_none(tree, exception):
    done = tree([CALLS_ALL], exception)
    assert done.returncode == 1
    assert f"reached, or not there: {exception.partition(' -- ')[0]}" in done.stdout


@pytest.mark.parametrize("exception", ["proto/a.c: if (n < 0)", "if (n < 0) -- of which file?"])
def test_exception_without_reason_or_place(tree, exception):
    done = tree([CALLS_ALL], exception)
    assert done.returncode == 1 and "not FILE: TEXT -- REASON" in done.stderr


def test_source_without_a_test(tree, tmp_path):
    (tmp_path / "proto" / "b.c").write_text("int b;\n")
    done = tree([CALLS_ALL])
    assert done.returncode == 1 and "proto/b.c: no test is linked with it" in done.stdout


def test_program_that_fails(tree):
    done = tree([FAILS])
    assert done.returncode == 1 and "test_0: failed" in done.stderr
