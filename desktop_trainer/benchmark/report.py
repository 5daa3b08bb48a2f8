"""Tells results: as tables for people, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from desktop_trainer.benchmark.measure import spread
from desktop_trainer.benchmark.results import ENGINE, Figure, Results, figures
from desktop_trainer.i18n import mark, titled, tr, trn

_PARTS = {
    "epoch": mark("epoch with test pass"),
    "training": mark("training part"),
    "rate": mark("batches a second"),
    "gui": mark("window's thread, processor"),
    "late_p50": mark("heartbeat late, median"),
    "late_p99": mark("heartbeat late, 99 of 100"),
    "late_max": mark("heartbeat late, at worst"),
}
_STARTUP = {"help": "desktop-trainer --help", "painted": mark("window painted")}
_WIDTHS = (42, 28)


def as_values(results: Results) -> dict[str, Any]:
    """Everything, as what JSON can hold: times in seconds, each number, and the figures with their bounds."""
    return {
        "format": 1,
        "machine": results.machine,
        "repeats": results.repeats,
        "quick": results.quick,
        "notes": results.notes,
        "training": results.training,
        "pairs": results.pairs,
        "startup": results.startup,
        "frames": {str(count): taken for count, taken in results.frames.items()},
        "bytes_per_record": {str(count): size for count, size in results.bytes_per_record.items()},
        "figures": [_figure_values(figure) for figure in figures(results)],
    }


def _figure_values(figure: Figure) -> dict[str, Any]:
    goal = figure.goal
    return {
        "name": goal.name,
        "value": figure.value,
        "least": figure.least,
        "most": figure.most,
        "at_least" if goal.at_least else "at_most": goal.bound,
        "unit": goal.unit,
        "ok": figure.reached,
        "told": figure.told,
    }


def table(results: Results) -> str:
    """Tables for people."""
    return "\n".join([*_machine(results), *_training(results), *_others(results), *_figures(results)])


def _machine(results: Results) -> Iterator[str]:
    machine = results.machine
    cores = trn("{n} core", "{n} cores", machine["cores"])
    yield tr(
        "{processor}, {cores}, {system}, load {load}",
        processor=machine["processor"],
        cores=cores,
        system=machine["system"],
        load=_load(machine["load"]),
    )
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    yield f"Python {machine['python']}, {versions}"
    threads = trn("{n} thread in an operation", "{n} threads in an operation", machine["threads"])
    repeats = trn("a single repetition", "medians of {n} alternating repetitions", results.repeats)
    yield tr(
        "Computing on {device} ({name}), {threads}; {repeats}.",
        device=machine["device"],
        name=machine["device_name"],
        threads=threads,
        repeats=repeats,
    )
    if openmp := machine["openmp"]:
        yield ", ".join(f"{name}={value}" for name, value in sorted(openmp.items()))
    yield from results.notes


def _load(load: list[float] | None) -> str:
    return "?" if load is None else f"{load[0]:.1f}"


def _training(results: Results) -> Iterator[str]:
    for work, taken in results.training.items():
        yield "\n" + titled(work, tr(results.titles[work]))
        yield _row("", "", tr("median"), tr("least"), tr("most"), tr("over headless"))
        for contender, parts in taken.items():
            for part, values in parts.items():
                unit = "" if part == "rate" else "s"
                shown = spread(values)
                numbers = (quantity(value, unit) for value in (shown.median, shown.least, shown.most))
                yield _row(tr(contender), tr(_PARTS[part]), *numbers, _over(results, work, part, contender))


def _over(results: Results, work: str, part: str, contender: str) -> str:
    quotients = results.ratios(work, part, contender, ENGINE) if part in ("epoch", "training") else []
    return f"{spread(quotients).median:.3f}" if quotients and contender != ENGINE else ""


def _others(results: Results) -> Iterator[str]:
    if results.startup or results.frames:
        yield "\n" + tr("Start-up and frames")
        yield _row("", "", tr("median"), tr("least"), tr("most"))
    for name, values in results.startup.items():
        yield _plain_row(tr(_STARTUP[name]), "", values)
    for count, values in results.frames.items():
        size = tr("{size:.1f} bytes each", size=results.bytes_per_record[count])
        yield _plain_row(tr("frame with {count} records", count=count), size, values)


def _plain_row(name: str, remark: str, values: list[float]) -> str:
    shown = spread(values)
    return _row(name, remark, *(quantity(value, "s") for value in (shown.median, shown.least, shown.most)))


def _figures(results: Results) -> Iterator[str]:
    found = figures(results)
    if found:
        yield "\n" + tr(
            "Figures to reach: median, and least … most; of the window, between which the true "
            "median lies in 95 of 100 cases"
        )
    for figure in found:
        goal = figure.goal
        bound = quantity(goal.bound, goal.unit)
        asked = tr("at least {bound}", bound=bound) if goal.at_least else tr("at most {bound}", bound=bound)
        verdict = tr("ok") if figure.reached else tr("not reached")
        verdict = verdict if figure.told else tr("cannot be told: measure more repetitions, on an idle machine")
        extent = " … ".join(quantity(value, goal.unit) for value in (figure.least, figure.most))
        yield f"{tr(goal.title):<56}{quantity(figure.value, goal.unit):>12}   {extent:<24}{asked:<18}{verdict}"


def quantity(value: float, unit: str) -> str:
    """A number for people: ``s`` below a fifth of a second in milliseconds."""
    if unit == "s":
        return f"{1000 * value:.1f} ms" if value < 0.2 else f"{value:.3f} s"
    return f"{value:.1f} {unit}" if unit else f"{value:.3f}" if value < 10 else f"{value:.0f}"


def _row(name: str, part: str, *numbers: str) -> str:
    return (
        f"  {name:<{_WIDTHS[0]}}{part:<{_WIDTHS[1]}}"
        + "".join(f"{each:>{12 + (at == 3) * 4}}" for at, each in enumerate(numbers))
    ).rstrip()
