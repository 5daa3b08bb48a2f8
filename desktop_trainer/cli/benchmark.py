"""``desktop-trainer benchmark``: measures, then prints tables or JSON, and draws a plot."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from desktop_trainer import folders
from desktop_trainer.benchmark.suite import GROUPS, Plan, Suite
from desktop_trainer.cli.parser import Parser
from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.i18n import tr

PLOTS = (".png", ".svg")


def add_flags(parser: Parser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--data-root",
        metavar="FOLDER",
        help=tr("The data folder; else the usual one. Without Fashion-MNIST in it synthetic images are used."),
    )
    parser.add_argument("--device", metavar="NAME", help=tr("What computes: auto, cpu, cuda:0, mps."))
    parser.add_argument("--repeat", metavar="N", type=int, help=tr("Repetitions of each measurement, 5 if not said."))
    parser.add_argument(
        "--only",
        metavar="GROUP",
        nargs="+",
        choices=GROUPS,
        help=tr("Measure only these: {groups}.", groups=", ".join(GROUPS)),
    )
    parser.add_argument("--quick", action="store_true", help=tr("Try the benchmark itself out, on tiny data."))
    parser.add_argument("--plot", metavar="FILE", help=tr("Draw the results into this .png or .svg file."))
    parser.add_argument("--json", action="store_true", help=tr("Print JSON for programs, not lines for people."))


def benchmark(given: dict[str, Any]) -> int:
    """Measure, and tell.

    Raises:
        Refused: if an argument is wrong, or something did not come to its end.
    """
    from desktop_trainer.benchmark.measure import BenchmarkFailed
    from desktop_trainer.benchmark.report import as_values, table

    plan, plot = _plan(given), _plot_file(given.get("plot"))
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with refusing():
            results = Suite(plan, _say).run()
    except BenchmarkFailed as failed:
        raise Refused(str(failed)) from failed
    finally:
        signal.signal(signal.SIGTERM, before)
    print(json.dumps(as_values(results), allow_nan=False) if given.get("json") else table(results), file=sys.stdout)
    if plot is not None:
        _draw(results, plot)
    return 0


def _end(number: int, _: object) -> None:
    """As Ctrl-C does: the process of the plain loop must end, too."""
    raise SystemExit(128 + number)


def _plan(given: dict[str, Any]) -> Plan:
    repeats = given.get("repeat", 1 if given.get("quick") else 5)
    if repeats < 1:
        raise Refused(tr("--repeat {number} is too small; the least is 1.", number=repeats), 2)
    root = folders.data_root(given.get("data_root", ""))
    return Plan(
        root.absolute(), given.get("device", "auto"), repeats, tuple(given.get("only", ())), given.get("quick", False)
    )


def _plot_file(name: str | None) -> Path | None:
    from importlib.util import find_spec

    if name is None:
        return None
    if Path(name).suffix not in PLOTS:
        raise Refused(tr("{path} does not end in .png or .svg.", path=name), 2)
    if find_spec("pyqtgraph") is None or find_spec("PySide6") is None:
        raise Refused(tr("A plot needs PySide6 and pyqtgraph, which are not installed. Leave --plot out."), 2)
    return Path(name)


def _draw(results: Any, path: Path) -> None:
    from desktop_trainer.benchmark.plot import plot_bytes
    from desktop_trainer.runs.files import write_file

    with refusing():
        write_file(path, plot_bytes(results, path.suffix))


def _say(line: str) -> None:
    """Progress, on stderr: stdout is for the results."""
    print(line, file=sys.stderr, flush=True)
