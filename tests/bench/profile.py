#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where mote's instructions go: `tests/bench/profile.py ping|connection|sink|source`.

Prints the instructions of each function in one ping, one connection (connect, ping, close), or one
MiB in or out, counted by the plugin under TCG; with --blocks also those of each translation block.
"""

import argparse
import bisect
import collections
import pathlib
import subprocess
import time

from count import BUILD, Counts, arguments
from guest import Guest  # found by count's path

IMAGE = BUILD / "bench" / "mote.elf"
CLIENT = BUILD / "bench" / "client"
MIB = 1 << 20
SETTLE_SECONDS = 0.2
# What the client does, and how many of what is printed that is.
MODES = {"ping": (["ping", "5000"], 5000), "connection": (["connections", "2000"], 2000),
         "sink": (["sink", str(32 * MIB)], 32), "source": (["source", str(32 * MIB)], 32)}


def functions(image):
    """Addresses in order, and the name of the function at each; labels inside of one are none."""
    lines = subprocess.run(["readelf", "-sW", str(image)], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    symbols = [fields for fields in map(str.split, lines) if len(fields) == 8]
    found = sorted({int(value, 16): name for _, value, _, kind, bind, _, _, name in symbols
                    if kind == "FUNC" or (kind, bind) == ("NOTYPE", "GLOBAL")}.items())
    return [address for address, _ in found], [name for _, name in found]


def executed(options):
    """Instructions by block, of the whole batch."""
    words, _ = MODES[options.mode]
    file = BUILD / "bench" / "profile.counts"
    with Guest(options.image, machine=options.machine, vsock=options.vsock,
               extra=arguments(file)) as guest:
        guest.wait_ready()
        time.sleep(SETTLE_SECONDS)
        counts = Counts(file)
        before = counts.blocks()
        subprocess.run([CLIENT, guest.uds, *words], check=True)
        time.sleep(SETTLE_SECONDS)
        return counts.blocks() - before


def report(options, blocks):
    times = MODES[options.mode][1]
    addresses, names = functions(options.image.with_suffix(".debug"))
    by_function = collections.Counter()
    detail = collections.defaultdict(list)
    for address, instructions in blocks.items():
        index = bisect.bisect_right(addresses, address) - 1
        name = names[index] if index >= 0 else "?"
        by_function[name] += instructions
        detail[name].append((address, instructions))
    total = sum(blocks.values())
    print(f"{total / times:12,.1f}  100.0 %  all, of one of {times}")
    for name, instructions in by_function.most_common():
        if instructions * 10000 < total:
            break
        print(f"{instructions / times:12,.1f}  {instructions / total:6.1%}  {name}")
        for address, part in sorted(detail[name]) if options.blocks else []:
            print(f"{'':12}  {part / times:12,.1f}  {address:#x}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--machine", choices=["microvm", "q35"], default="microvm")
    parser.add_argument("--vsock", default="vsockd")
    parser.add_argument("--image", default=IMAGE, type=pathlib.Path,
                        help="with its .debug beside it")
    parser.add_argument("--blocks", action="store_true", help="translation blocks, too")
    options = parser.parse_args()
    report(options, executed(options))


if __name__ == "__main__":
    main()
