#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The deepest stack that a linked image can need, computed and not measured.

Every call is followed, also into the C library. A call through a pointer may reach each function
whose address is taken. What gcc can't know stands in a file of facts, a line each (# comments):

  calls FUNCTION TARGET...    calls through pointers in FUNCTION reach only these
                              (and those of its other lines)
  recursion FUNCTION N        at most N activations of FUNCTION are on the stack
  leaf FUNCTION BYTES         assembly: needs so much, return address included, and calls nothing

Recursion without a bound, alloca and a callee without a frame are errors: there is no guess.
"""

import argparse
import sys

import elf
from callgraph import INDIRECT, CallGraph, source_name, symbol_name


class Facts:
    """What a human vouches for."""

    def __init__(self):
        self.calls, self.recursion, self.leaves = {}, {}, {}

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    self._add(line.partition("#")[0].split())
                except ValueError:
                    raise elf.ElfError(f"{path}:{number}: not a fact: {line.strip()}") from None

    def _add(self, words):
        match words:
            case []:
                pass
            case ["calls", function, *targets]:
                self.calls.setdefault(function, []).extend(targets)
            case ["recursion", function, count]:
                self.recursion[function] = int(count)
            case ["leaf", function, size]:
                self.leaves[function] = int(size)
            case _:
                raise ValueError


class Search:
    """Depth first through the graph. `left` holds how often each function whose recursion is
    bounded may still be entered; apart from those, nothing may call back into the path."""

    def __init__(self, graph, facts):
        self.graph, self.facts = graph, facts
        self.bounded = list(facts.recursion)
        self.problems = {}  # a dict keeps the order and drops what is said twice
        self.done, self.path = {}, []
        for name, size in facts.leaves.items():
            graph.add(name, size)

    def problem(self, text):
        self.problems[text] = True

    def worst(self, root):
        """[(title, bytes)] of the deepest path from a function."""
        titles = self.graph.named(root) if self.graph.is_linked(root) else ()
        if not titles:
            self.problem(f"root {root} is not a linked function with a frame")
        best = max((self._enter(title, tuple(self.facts.recursion.values())) for title in titles),
                   key=lambda found: found[0], default=(0, None))
        path, link = [], best[1]
        while link:
            title, link = link
            path.append((title, self.graph.frames[title]))
        return path

    def _enter(self, title, left):
        """(bytes, chain) below and with this function; a chain is (title, chain of the callee)."""
        name = source_name(title)
        if name in self.bounded:
            index = self.bounded.index(name)
            if left[index] == 0:
                return 0, None
            left = left[:index] + (left[index] - 1,) + left[index + 1:]
        key = title, left
        if key in self.path:
            cycle = [source_name(step) for step, _ in self.path[self.path.index(key):]]
            self.problem("recursion without a bound: " + " -> ".join(cycle + [name]))
            return 0, None
        if key not in self.done:
            self.path.append(key)
            self.done[key] = self._deepest(title, left)
            self.path.pop()
        return self.done[key]

    def _deepest(self, title, left):
        if title in self.graph.unbounded:
            self.problem(f"{title} has a frame of no fixed size")
        below = max((self._enter(callee, left) for callee in self._callees(title)),
                    key=lambda found: found[0], default=(0, None))
        return below[0] + self.graph.frames[title], (title, below[1])

    def _callees(self, title):
        found = set()
        for target in sorted(self.graph.calls.get(title, ())):
            if target == INDIRECT:
                reached = {name: self.graph.named(name) for name in self._targets(title)}
            else:
                reached = {target: self.graph.callees(target)}
            for name, titles in reached.items():
                if not titles and self.graph.is_linked(name):
                    self.problem(f"{title} calls {name}, whose frame nobody knows")
                found |= {callee for callee in titles if self.graph.is_linked(callee)}
        return sorted(found)

    def _targets(self, caller):
        """What the calls through pointers in a function may reach."""
        if not self.graph.has_relocations:
            self.problem(f"{caller} calls through a pointer: link with --emit-relocs")
        for name in (caller, symbol_name(caller), source_name(caller)):
            if name in self.facts.calls:
                for target in self.facts.calls[name]:
                    if target not in self.graph.taken:
                        self.problem(f"calls {name} {target}: {target}'s address is never taken")
                return self.facts.calls[name]
        return sorted(self.graph.taken)


def amount(text):
    """NAME=BYTES"""
    name, _, size = text.partition("=")
    return name, int(size, 0)


def print_path(root, path, limit):
    print(f"{root}:")
    for title, size in path:
        print(f"{size:>7}  {title}")
    print(f"{root}: worst case {sum(size for _, size in path)} of {limit} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elf", help="the linked file, with symbols, linked with --emit-relocs")
    parser.add_argument("ci", nargs="+", help="gcc's call graphs of all that was linked")
    parser.add_argument("--root", type=amount, action="append", required=True,
                        metavar="NAME=BYTES", help="where a stack begins, and its size")
    parser.add_argument("--leaf", type=amount, action="append", default=[], metavar="NAME=BYTES",
                        help="as the fact of that name")
    parser.add_argument("--facts", metavar="FILE", help="see above")
    options = parser.parse_args()
    sys.setrecursionlimit(100000)  # bounded recursion is followed step by step
    try:
        facts = Facts()
        if options.facts:
            facts.read(options.facts)
        facts.leaves.update(options.leaf)
        graph = CallGraph(elf.Elf(options.elf))
        for path in options.ci:
            graph.read(path)
    except (elf.ElfError, OSError) as error:
        return elf.report("stack", [error])
    search = Search(graph, facts)
    found = [(name, search.worst(name), limit) for name, limit in options.root]
    if search.problems:
        return elf.report("stack", search.problems)
    for name, path, limit in found:
        print_path(name, path, limit)
    return elf.report("stack", [f"{name} needs more than its {limit} bytes of stack"
                                for name, path, limit in found
                                if sum(size for _, size in path) > limit])


if __name__ == "__main__":
    sys.exit(main())
