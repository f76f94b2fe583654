#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves and proves that the proofs can fail: `tests/proof/run.py [NAME...]`, default all.

Every row of proofs.toml is a function of a harness here; CBMC shows that none of its checks
can fail within the bounds that the row states. Then each of the row's mutations is made in a
copy of its file under build/proof, and the same proof over it must fail. A mutation whose text
is not found exactly once is an error. The last line is "N proofs, N mutations found".
"""

import concurrent.futures
import os
import pathlib
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
PROVED, FAILED = 0, 10  # CBMC's exit statuses; others mean that it could not tell


def command(proof, *includes):
    return [str(BUILD / "cbmc"), str(HERE / proof["harness"]), "--function", proof["name"],
            *(f"-I{path}" for path in includes), "-I.", f"-I{BUILD}/include",
            *(f"-D{define}" for define in proof.get("define", [])),
            "--unwind", str(proof["unwind"]),
            *(["--unwindset", ",".join(proof["loops"])] if "loops" in proof else []),
            *CHECKS, *proof.get("checks", []), "--slice-formula"]


def cbmc(proof, log, *includes, options=()):
    """Runs one proof; returns its exit status and how long it took."""
    begin = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        status = subprocess.run([*command(proof, *includes), *options], stdout=output,
                                stderr=subprocess.STDOUT, cwd=ROOT, timeout=TIMEOUT,
                                check=False).returncode
    return status, time.monotonic() - begin


def prove(proof):
    """Whether the proof holds, and the line that says so."""
    log = BUILD / "proof" / f"{proof['name']}.log"
    status, seconds = cbmc(proof, log)
    verdict = {PROVED: "proved", FAILED: f"FAILED (log: {log})"}
    return status == PROVED, (f"{proof['name']}: {proof['bound']}: "
                              f"{verdict.get(status, f'NO VERDICT (log: {log})')} "
                              f"in {seconds:.1f} s")


def mutate(mutation, directory):
    """Writes the mutated copy; returns whether the text to replace is there, once."""
    source = (ROOT / mutation["file"]).read_text(encoding="utf-8")
    copy = directory / mutation["file"]
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(source.replace(mutation["old"], mutation["new"]), encoding="utf-8")
    return source.count(mutation["old"]) == 1


def find(proof, number):
    """Whether the proof fails for a mutated copy, and the line that says so."""
    mutation = proof["mutation"][number]
    directory = BUILD / "proof" / f"{proof['name']}-{number + 1}"
    what = f"{proof['name']}: {mutation['file']}: {mutation['old']!r} -> {mutation['new']!r}"
    if not mutate(mutation, directory):
        return False, f"{what}: ERROR, the text is not there exactly once"
    log = directory / "log"
    status, seconds = cbmc(proof, log, directory, options=["--stop-on-fail"])
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
