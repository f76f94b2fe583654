# SPDX-License-Identifier: MIT
"""linker/stack.py on small C programs whose stack depth is known or can be read from the .ci."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CFLAGS = ["-O1", "-ffreestanding", "-fno-pic", "-mno-red-zone", "-fcf-protection=none",
          "-fno-stack-protector", "-fno-inline", "-fipa-sra", "-fno-optimize-sibling-calls",
          "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-fcallgraph-info=su",
          "-Wa,--noexecstack"]
LDFLAGS = ["-nostdlib", "-static", "-no-pie", "-Wl,-e,boot,--gc-sections,--build-id=none"]

# Makes a function's frame at least n bytes large.
PREAMBLE = "#define FRAME(n) volatile char frame[n]; frame[0] = 0\n"


@pytest.fixture(name="stack")
def fixture_stack(tmp_path):
    """stack(C source, assembly, arguments...) -> (exit status, stdout, lines of stderr)."""

    def stack(source, *arguments, assembly="", facts="", roots=("boot=65536",),
              link=("-Wl,--emit-relocs",)):
        (tmp_path / "code.c").write_text(PREAMBLE + source)
        (tmp_path / "low.S").write_text(assembly)
        (tmp_path / "facts").write_text(facts)
        for file in ("code.c", "low.S"):
            subprocess.run(["gcc", *CFLAGS, "-c", file], cwd=tmp_path, check=True)
        subprocess.run(["gcc", *LDFLAGS, *link, "code.o", "low.o", "-o", "image"], cwd=tmp_path,
                       check=True)
        result = subprocess.run(
            [sys.executable, ROOT / "linker/stack.py", "image", "code.ci", "--facts", "facts",
             *(f"--root={root}" for root in roots), *arguments],
            cwd=tmp_path, capture_output=True, text=True)
        return result.returncode, result.stdout, result.stderr.splitlines()

    return stack


def path_of(output):
    """[(bytes, function)] as printed, and the printed sum and limit."""
    path = [(int(size), name) for size, name in re.findall(r"^ +(\d+)  (\S+)$", output, re.M)]
    total, limit = re.search(r"worst case (\d+) of (\d+) bytes", output).groups()
    return path, int(total), int(limit)


def names(output):
    return [name for _, name in path_of(output)[0]]


CHAIN = """
static void small(void) { FRAME(16); }
void large(void) { FRAME(1000); }
static void middle(void) { FRAME(200); large(); small(); }
void boot(void) { small(); middle(); }
void unused(void) { FRAME(30000); }
"""


def test_known_depth(stack):
    status, output, errors = stack(CHAIN)
    path, total, limit = path_of(output)
    assert (status, errors, limit) == (0, [], 65536)
    assert [name for _, name in path] == ["boot", "code.c:middle", "large"]
    assert total == sum(size for size, _ in path)
    for (size, name), buffer in zip(path, (0, 200, 1000)):
        # The buffer, the return address, and at most two registers and the alignment.
        assert buffer + 8 <= size <= buffer + 8 + 40, name


def test_limit(stack):
    total = path_of(stack(CHAIN)[1])[1]
    assert stack(CHAIN, roots=[f"boot={total}"])[0] == 0
    status, output, errors = stack(CHAIN, roots=[f"boot={total - 1}"])
    assert (status, errors) == (1, [f"stack: boot needs more than its {total - 1} bytes of stack"])
    assert f"worst case {total} of {total - 1} bytes" in output


def test_each_root_has_its_limit(stack):
    status, output, errors = stack(CHAIN, roots=["boot=65536", "large=100"])
    assert (status, errors) == (1, ["stack: large needs more than its 100 bytes of stack"])
    assert output.count("worst case") == 2


def test_unknown_root(stack):
    assert stack(CHAIN, roots=["unused=1"])[2] == \
        ["stack: root unused is not a linked function with a frame"]


DIRECT = "int down(int n) { FRAME(50); return n ? down(n - 1) + 1 : 0; }\n" \
         "void boot(void) { down(9); }\n"
MUTUAL = "void even(int n); void odd(int n) { FRAME(50); if (n) even(n - 1); }\n" \
         "void even(int n) { FRAME(80); if (n) odd(n - 1); }\nvoid boot(void) { even(9); }\n"


@pytest.mark.parametrize("source, cycle", [(DIRECT, "down -> down"),
                                           (MUTUAL, "even -> odd -> even")])
def test_recursion_is_refused(stack, source, cycle):
    assert stack(source) == (1, "", [f"stack: recursion without a bound: {cycle}"])


def test_bounded_recursion(stack):
    once = path_of(stack(DIRECT, facts="recursion down 1  # comment\n")[1])[1]
    path, total, _ = path_of(stack(DIRECT, facts="recursion down 10\n")[1])
    assert [name for _, name in path] == ["boot"] + 10 * ["down"]
    assert total == once + 9 * path[1][0]


def test_one_bound_breaks_a_cycle_of_two(stack):
    output = stack(MUTUAL, facts="recursion odd 2\n")[1]
    assert names(output) == ["boot", "even", "odd", "even", "odd", "even"]


POINTERS = """
static void in_table(void) { FRAME(100); }
static void stored(void) { FRAME(2000); }
void only_called(void) { FRAME(8000); }
void jumped_to(void) { only_called(); }
void (*const table[])(void) = {in_table, in_table};
void (*volatile hook)(void);
static void through(int n) { table[n](); }
void boot(void) { hook = stored; through(1); }
void start(void) { jumped_to(); boot(); }
"""


def test_indirect_call_reaches_whose_address_is_taken(stack):
    assert names(stack(POINTERS, roots=["boot=9999"], link=["-Wl,--emit-relocs,-e,start"])[1]) == \
        ["boot", "code.c:through", "code.c:stored"]


def test_calls_narrows_indirect_calls(stack):
    assert names(stack(POINTERS, facts="calls through in_table\n")[1]) == \
        ["boot", "code.c:through", "code.c:in_table"]
    assert names(stack(POINTERS, facts="calls through in_table\ncalls through stored\n")[1]) == \
        ["boot", "code.c:through", "code.c:stored"]


def test_a_fact_about_what_is_never_taken_is_refused(stack):
    source = "void only_called(void) {}\nvoid (*volatile through)(void);\n" \
             "void boot(void) { only_called(); through(); }\n"
    assert stack(source, facts="calls boot only_called\n")[2] == \
        ["stack: calls boot only_called: only_called's address is never taken"]


def test_indirect_call_needs_relocations(stack):
    assert "stack: code.c:through calls through a pointer: link with --emit-relocs" in \
        stack(POINTERS, link=[])[2]


def test_recursion_through_a_pointer_is_refused(stack):
    source = "static void f(void); void (*volatile p)(void);\n" \
             "static void f(void) { p(); }\nvoid boot(void) { p = f; f(); }\n"
    assert stack(source)[2] == ["stack: recursion without a bound: f -> f"]


@pytest.mark.parametrize("source", [
    "void boot(int n) { volatile char *p = __builtin_alloca(n); *p = 0; }",
    "void boot(int n) { volatile char p[n + 1]; p[n] = 0; }",
])
def test_dynamic_frame_is_refused(stack, source):
    assert stack(source) == (1, "", ["stack: boot has a frame of no fixed size"])


ASSEMBLY = ".globl low\n.type low, @function\nlow: ret\n"


def test_assembly_needs_a_leaf(stack):
    source = "void low(void); void boot(void) { low(); }"
    assert stack(source, assembly=ASSEMBLY)[2] == \
        ["stack: boot calls low, whose frame nobody knows"]
    for output in (stack(source, "--leaf", "low=123", assembly=ASSEMBLY)[1],
                   stack(source, assembly=ASSEMBLY, facts="leaf low 123\n")[1]):
        assert path_of(output)[0][1] == (123, "low")


def test_assembly_through_a_pointer_needs_a_leaf(stack):
    source = "void low(void); void (*volatile p)(void); void boot(void) { p = low; p(); }"
    assert stack(source, assembly=ASSEMBLY)[2] == \
        ["stack: boot calls low, whose frame nobody knows"]
    assert names(stack(source, "--leaf", "low=8", assembly=ASSEMBLY)[1]) == ["boot", "low"]


def test_alias_is_followed(stack):
    source = "void real(void) { FRAME(500); }\n" \
             "void other(void) __attribute__((alias(\"real\")));\n" \
             "void boot(void) { other(); }\n"
    assert names(stack(source)[1]) == ["boot", "real"]


def test_facts_hold_for_clones(stack):
    """gcc passes the one member that f reads, and calls the result f.isra.0."""
    source = """
struct pair { int first, second; };
void small(void) { FRAME(16); }
void large(void) { FRAME(1000); }
void (*volatile hook)(void) = large;
static int f(int a, const struct pair *b) { a += b->second; hook(); return a; }
int boot(int n, struct pair *p) { hook = small; return f(n, p) + f(n + 1, p + 1); }
"""
    assert names(stack(source)[1]) == ["boot", "code.c:f.isra.0", "large"]
    assert names(stack(source, facts="calls f small\n")[1]) == \
        ["boot", "code.c:f.isra.0", "small"]


@pytest.mark.parametrize("line", ["calls", "leaf f", "leaf f x", "recursion f", "nonsense 1 2"])
def test_bad_fact(stack, line):
    status, _, errors = stack("void boot(void) {}", facts=f"\n{line}\n")
    assert (status, errors) == (1, [f"stack: facts:2: not a fact: {line}"])
