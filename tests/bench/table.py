# SPDX-License-Identifier: MIT
"""The figures of the benchmark as a table: which there are, which way is better, what mote aims at,
and by how much it missed that.
"""

import statistics
from typing import NamedTuple

HEADINGS = ("", "mote", "minimal Linux", "Debian", "minimal/mote", "Debian/mote", "aim", "met")


class Figure(NamedTuple):
    """One line. times: mote aims to be so many times better than the minimal Linux; at_most: at a
    figure of its own that is no larger."""

    name: str
    label: str
    more_is_better: bool = False
    times: float = 0
    at_most: float = 0


SPEED = [
    Figure("first_pong_ms", "start to first pong, ms", times=5),
    Figure("p50_us", "round trip p50, us", times=2),
    Figure("p99_us", "round trip p99, us"),
    Figure("connections_per_s", "connect + ping + close, per s", True, times=2),
    Figure("mib_per_s_in", "MiB/s into the guest", True, times=1.5),
    Figure("mib_per_s_out", "MiB/s out of the guest", True, times=1.5),
    Figure("resident_mib", "resident memory of QEMU, MiB"),
    Figure("smallest_mib", "smallest -m that boots, MiB"),
]
COUNTS = [
    Figure("instructions_to_ready", "instructions to ready"),
    Figure("instructions_per_ping", "instructions per ping", at_most=2500),
    Figure("instructions_per_connection", "instr. per connect + ping + close", at_most=8000),
    Figure("instructions_per_mib_in", "instructions per MiB in"),
    Figure("instructions_per_mib_out", "instructions per MiB out"),
    Figure("instructions_per_idle_s", "instructions per idle second"),
    Figure("notifications_per_ping", "notifications per ping"),
    Figure("interrupts_per_ping", "interrupts per ping"),
    Figure("notifications_per_connection", "notifications per connection"),
    Figure("interrupts_per_connection", "interrupts per connection"),
    Figure("notifications_per_mib_in", "notifications per MiB in"),
    Figure("interrupts_per_mib_in", "interrupts per MiB in"),
    Figure("notifications_per_mib_out", "notifications per MiB out"),
    Figure("interrupts_per_mib_out", "interrupts per MiB out"),
]


def number(value):
    """Three digits or more of it."""
    if value is None:
        return "-"
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def ratio(figure, own, other):
    """How many times better mote is; None when there is nothing to compare."""
    if not own or not other:
        return None
    return own / other if figure.more_is_better else other / own


def aim(figure):
    if figure.times:
        return f">= {figure.times:g}x"
    return f"<= {figure.at_most:,}" if figure.at_most else ""


def met(figure, own, against):
    """Whether the aim is met, or how far away it is."""
    if figure.times and against:
        share = against / figure.times
    elif figure.at_most and own:
        share = figure.at_most / own
    else:
        return ""
    return "yes" if share >= 1 else f"no: {share:.0%} of it"


def line(figure, medians):
    """medians: mote's, those of the rival that the aim is against, and of the other one."""
    own, first, second = medians
    against = ratio(figure, own, first)
    ratios = [f"{value:.2f}x" if value else "" for value in
              (against, ratio(figure, own, second))]
    return [figure.label, *map(number, medians), *ratios, aim(figure), met(figure, own, against)]


def rows(figures, runs):
    """runs: for each rival, the figures of each of its rounds."""
    for figure in figures:
        values = [[run[figure.name] for run in rounds if run.get(figure.name) is not None]
                  for rounds in runs.values()]
        if any(values):
            yield line(figure, [statistics.median(each) if each else None for each in values])


def markdown(cells, widths):
    """Numbers to the right; what names them and what ends the line to the left."""
    padded = [cell.ljust(width) if i in (0, len(cells) - 1) else cell.rjust(width)
              for i, (cell, width) in enumerate(zip(cells, widths))]
    return f"| {' | '.join(padded)} |"


def print_lines(title, lines):
    """Of cells, the headings first; in Markdown, for the README."""
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(lines[0]))]
    rule = ["-" * width if i in (0, len(widths) - 1) else "-" * (width - 1) + ":"
            for i, width in enumerate(widths)]
    print(f"\n{title}\n")
    for cells in (lines[0], rule, *lines[1:]):
        print(markdown(cells, widths))
    print(flush=True)


def print_table(title, runs, figures=tuple(SPEED + COUNTS), headings=HEADINGS):
    print_lines(title, [headings, *rows(figures, runs)])
