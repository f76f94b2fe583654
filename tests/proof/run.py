#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves and proves that the proofs can fail: `tests/proof/run.py [NAME...]`, default all.

Every row of proofs.toml is a function of a harness here; CBMC shows that none of its checks
can fail within the bounds that the row states. Then each of the row's mutations is made, and
the same proof over it must fail. A mutation whose text is not found exactly once is an error.
What is proved are copies under build/proof of the files that the harness includes: CBMC checks
an array of a struct that is reached by a pointer only against the end of the whole struct, so
in the copies each such subscript is checked by AT() of proof.h, too. The last line is
"N proofs, N mutations found".
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
HERE = pathlib.Path("tests/proof")
AT_ONCE = 2
TIMEOUT = 3600  # seconds for one run of CBMC: a slow machine may take what it needs
CHECKS = ["--bounds-check", "--pointer-check", "--pointer-overflow-check",
          "--pointer-primitive-check", "--signed-overflow-check", "--div-by-zero-check",
          "--undefined-shift-check", "--unwinding-assertions"]
INCLUDED = re.compile(r'^#include "((?:drivers|proto)/\w+\.c)"$', re.MULTILINE)
OPENED = re.compile(r"->\w+(?:\.\w+)*\[")
SUBSCRIPT = re.compile(r"(\w+(?:->\w+|\.\w+)*->\w+(?:\.\w+)*)\[([^\[\]]+)\]")
PROVED, FAILED = 0, 10  # CBMC's exit statuses; others mean that it could not tell


def checked(text):
    """The source with AT() around each subscript of an array that a pointer leads to."""
    result, n = SUBSCRIPT.subn(r"\1[AT(\1, \2)]", text)
    if n != len(OPENED.findall(text)):
        raise ValueError("a subscript that AT() can't be put around")
    return result


def copy_sources(harness, directory, mutation):
    """Makes the checked copies, one of them mutated; returns whether the mutation's text is
    there, once."""
    included = INCLUDED.findall((ROOT / HERE / harness).read_text(encoding="utf-8"))
    files = {*included, mutation["file"]} if mutation else {*included}
    for name in files:
        text = (ROOT / name).read_text(encoding="utf-8")
        if mutation and mutation["file"] == name:
            if text.count(mutation["old"]) != 1:
                return False
            text = text.replace(mutation["old"], mutation["new"])
        copy = directory / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(checked(text), encoding="utf-8")
    return True


def cbmc(proof, directory, options=()):
    """Runs one proof over the copies; returns its exit status, its log and how long it took."""
    command = [str(BUILD / "cbmc"), str(HERE / proof["harness"]), "--function", proof["name"],
               f"-I{directory}", "-I.", *(f"-D{define}" for define in proof.get("define", [])),
               "--unwind", str(proof["unwind"]),
               *(["--unwindset", ",".join(proof["loops"])] if "loops" in proof else []),
               *CHECKS, *proof.get("checks", []), "--slice-formula", *options]
    log = directory / "log"
    begin = time.monotonic()
    with log.open("wb") as output:
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                                timeout=TIMEOUT, check=False).returncode
    return status, log.relative_to(ROOT), time.monotonic() - begin


def prove(proof):
    """Whether the proof holds, and the line that says so."""
    directory = BUILD / "proof" / proof["name"]
    copy_sources(proof["harness"], directory, None)
    status, log, seconds = cbmc(proof, directory)
    verdict = {PROVED: "proved", FAILED: f"FAILED (log: {log})"}
    return status == PROVED, (f"{proof['name']}: {proof['bound']}: "
                              f"{verdict.get(status, f'NO VERDICT (log: {log})')} "
                              f"in {seconds:.1f} s")


def find(proof, number):
    """Whether the proof fails for a mutated copy, and the line that says so."""
    mutation = proof["mutation"][number]
    directory = BUILD / "proof" / f"{proof['name']}-{number + 1}"
    what = f"{proof['name']}: {mutation['file']}: {mutation['old']!r} -> {mutation['new']!r}"
    if not copy_sources(proof["harness"], directory, mutation):
        return False, f"{what}: ERROR, the text is not there exactly once"
    status, log, seconds = cbmc(proof, directory, ["--stop-on-fail"])
    verdict = "found" if status == FAILED else f"NOT FOUND, status {status} (log: {log})"
    return status == FAILED, f"{what}: {verdict} in {seconds:.1f} s"


def run_all(jobs):
    """Runs the jobs, a few at once; prints their lines in order and counts the good ones."""
    good = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for future in [pool.submit(*job) for job in jobs]:
            ok, line = future.result()
            good += ok
            print(line, flush=True)
    return good


def main():
    proofs = tomllib.loads((ROOT / HERE / "proofs.toml").read_text(encoding="utf-8"))["proof"]
    names = [p["name"] for p in proofs]
    wanted = sys.argv[1:] or names
    if not set(wanted) <= set(names):
        sys.exit(f"usage: tests/proof/run.py [NAME...]; there are: {' '.join(names)}")
    proofs = [p for p in proofs if p["name"] in wanted]
    mutations = [(find, p, n) for p in proofs for n in range(len(p["mutation"]))]
    proved = run_all([(prove, p) for p in proofs])
    found = run_all(mutations)
    print(f"{proved} proofs, {found} mutations found"
          f"{'' if proved == len(proofs) else f', {len(proofs) - proved} proofs FAILED'}"
          f"{'' if found == len(mutations) else f', {len(mutations) - found} NOT FOUND'}")
    return proved != len(proofs) or found != len(mutations)


if __name__ == "__main__":
    sys.exit(main())
