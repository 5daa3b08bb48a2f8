"""What is told of results: which figures are reached, which cannot be judged, and JSON that a program can read."""

import json

import pytest

from desktop_trainer.benchmark.report import as_values, quantity, table
from desktop_trainer.benchmark.results import ENGINE, GRAPH, HEART, LIMIT, MILLION, PLAIN, WINDOW, Results, figures

MACHINE = {
    "system": "Linux",
    "processor": "Some CPU",
    "cores": 2,
    "load": [0.1, 0.2, 0.3],
    "python": "3.11",
    "versions": {"torch": "2.10"},
    "device": "cpu",
    "device_name": "cpu",
    "threads": 2,
    "openmp": {"OMP_WAIT_POLICY": "passive"},
}


@pytest.fixture
def results() -> Results:
    """Two repetitions, in the second of which the machine was ten times as slow."""
    late = {"late_p50": [0.0, 0.0], "late_p99": [0.005, 0.007], "late_max": [0.04, 0.09]}
    return Results(
        MACHINE,
        2,
        training={
            "T1": {
                PLAIN: {"epoch": [4.0, 40.0], "training": [3.5, 35.0]},
                ENGINE: {"epoch": [2.0, 20.0], "training": [1.8, 18.0]},
                WINDOW: {"epoch": [2.02, 20.2], "training": [1.8, 18.0]},
                HEART: late,
                LIMIT: {"training": [1.5, 15.0]},
            }
        },
        titles={"T1": "LeNet"},
        startup={"help": [0.2, 0.21]},
        frames={1000: [0.004], MILLION: [0.015, 0.017, 0.015]},
        bytes_per_record={1000: 26.0, MILLION: 24.9},
        notes=["A note."],
    )


def test_each_figure_is_judged_by_its_median_and_bound(results: Results) -> None:
    reached = {figure.goal.name: (round(figure.value, 3), figure.reached) for figure in figures(results)}
    assert reached == {
        "t1_headless_over_plain": (0.5, True),
        "t1_headless_over_limit": (1.2, False),
        "t1_window_over_headless": (1.01, True),
        "heartbeat_p99": (0.006, True),
        "heartbeat_max": (0.065, False),
        "frame_million": (0.015, True),
        "bytes_per_record": (24.9, True),
        "help": (0.205, True),
    }


def test_on_cuda_other_figures_are_asked_for(results: Results) -> None:
    """There more is better."""
    results.machine = {**MACHINE, "device": "cuda:0"}
    results.training["T1"][GRAPH] = {"training": [1.53, 15.3]}
    reached = {figure.goal.name: figure.reached for figure in figures(results)}
    assert reached["t1_plain_over_headless"] is False
    assert reached["t1_graph_over_headless"] is True
    assert "t1_headless_over_plain" not in reached


def test_json_holds_every_repetition_and_every_verdict(results: Results) -> None:
    read = json.loads(json.dumps(as_values(results), allow_nan=False))
    assert read["training"]["T1"][PLAIN]["epoch"] == [4.0, 40.0]
    assert read["frames"]["1000000"] == [0.015, 0.017, 0.015]
    assert read["machine"]["threads"] == 2
    assert read["notes"] == ["A note."]
    verdicts = {figure["name"]: figure for figure in read["figures"]}
    assert verdicts["heartbeat_max"]["at_most"] == 0.05
    assert not verdicts["heartbeat_max"]["ok"]


def test_people_see_machine_medians_spread_and_verdicts(results: Results) -> None:
    lines = table(results).splitlines()
    assert lines[0].startswith("Some CPU, 2 cores")
    assert "2 threads" in lines[2]
    assert "OMP_WAIT_POLICY=passive" in lines
    assert "A note." in lines
    (plain,) = (line for line in lines if line.split()[:3] == ["plain", "loop", "epoch"])
    assert plain.split()[-7:] == ["22.000", "s", "4.000", "s", "40.000", "s", "2.000"]
    (verdict,) = (line for line in lines if line.startswith("T1 training part"))
    assert verdict.endswith("not reached")
    assert "at most 1.080" in verdict


def test_a_quick_trial_is_not_judged(results: Results) -> None:
    """Neither for people nor for programs, which are told that it was one."""
    results.quick = True
    assert figures(results) == []
    assert not {"ok", "reached"} & set(table(results).split())
    assert (as_values(results)["figures"], as_values(results)["quick"]) == ([], True)


def test_results_of_nothing_but_the_machine_are_told_too() -> None:
    empty = Results(MACHINE, 1)
    assert "Some CPU" in table(empty)
    assert as_values(empty)["figures"] == []


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"),
        (2.5, "s", "2.500 s"),
        (26.07, "B", "26.1 B"),
        (1.0834, "", "1.083"),
        (1777.4, "", "1777"),
    ],
)
def test_numbers_read_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("took", "told", "verdict"),
    [
        ([1.01, 1.02, 1.015, 1.02, 1.01, 1.018], True, "ok"),
        ([1.05, 1.04, 1.06, 1.05, 1.04, 1.09], True, "not reached"),
        ([1.01, 1.09, 1.02, 1.05, 1.0, 1.02], False, "cannot be told: measure more repetitions, on an idle machine"),
    ],
)
def test_what_the_window_costs_is_judged_by_pairs_and_only_where_they_tell_it(
    results: Results, took: list[float], told: bool, verdict: str
) -> None:
    results.pairs = {"T1": {ENGINE: {"epoch": [1.0] * 6}, WINDOW: {"epoch": took, "gui": [0.01] * 6}}}
    found = {figure.goal.name: figure for figure in figures(results)}
    assert found["t1_window_over_headless"].told is told
    assert (found["t1_window_thread"].value, found["t1_window_thread"].reached) == (0.01, True)
    (line,) = (line for line in table(results).splitlines() if line.startswith("T1 epoch, in the window"))
    assert line.endswith(verdict)
    assert f"{min(took):.3f} … {max(took):.3f}" in line
