# SPDX-License-Identifier: MIT
"""The table of the benchmark: which way is better, what is missing, and when an aim is met."""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

import table  # noqa: E402 pylint: disable=wrong-import-position


def cells(name, *medians):
    figure = next(figure for figure in table.SPEED + table.COUNTS if figure.name == name)
    return table.line(figure, medians)[1:]


@pytest.mark.parametrize("name, medians, expected", [
    # less is better, at least twice
    ("p50_us", (50, 100, 250), ["50.0", "100", "250", "2.00x", "5.00x", ">= 2x", "yes"]),
    ("p50_us", (100, 150, 50), ["100", "150", "50.0", "1.50x", "0.50x", ">= 2x", "no: 75% of it"]),
    # more is better
    ("connections_per_s", (9000, 3000, 1000),
     ["9,000", "3,000", "1,000", "3.00x", "9.00x", ">= 2x", "yes"]),
    # a figure of its own, whatever the others have
    ("instructions_per_ping", (2500, None, 5000),
     ["2,500", "-", "5,000", "", "2.00x", "<= 2,500", "yes"]),
    ("instructions_per_ping", (5000, 9000, None),
     ["5,000", "9,000", "-", "1.80x", "", "<= 2,500", "no: 50% of it"]),
    # nothing to compare is nothing met
    ("first_pong_ms", (None, 700, 3000), ["-", "700", "3,000", "", "", ">= 5x", ""]),
    ("first_pong_ms", (50, None, None), ["50.0", "-", "-", "", "", ">= 5x", ""]),
    ("smallest_mib", (1.5, 32, 72), ["1.50", "32.0", "72.0", "21.33x", "48.00x", "", ""]),
])
def test_a_line(name, medians, expected):
    assert cells(name, *medians) == expected


def test_rows_are_medians_and_missing_figures_are_left_out():
    runs = {"mote": [{"p99_us": 30}, {"p99_us": 10}, {"p99_us": 20}],
            "minimal Linux": [{"p99_us": 80}, {}], "Debian": []}
    assert list(table.rows(table.SPEED, runs)) == [
        ["round trip p99, us", "20.0", "80.0", "-", "4.00x", "", "", ""]]


def test_the_table_is_markdown(capsys):
    table.print_table("a title", {"mote": [{"p50_us": 1}], "minimal Linux": [], "Debian": []})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["", "a title", ""]
    assert {line.count("|") for line in lines[3:6]} == {len(table.HEADINGS) + 1}
    assert set(lines[4]) == set("|-: ")
