"""``desktop-trainer runs``: lists, shows, compares, deletes, brings back, exports and imports runs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop_trainer import folders
from desktop_trainer.cli.find_run import find_folder, find_run, matching
from desktop_trainer.cli.parser import Parser
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.resume_command import resume_command
from desktop_trainer.cli.run_columns import COLUMNS, cell, plain
from desktop_trainer.cli.text_table import clean, table
from desktop_trainer.i18n import titled, tr, trn
from desktop_trainer.report.run_columns import matches, sorted_by, words_of

Given = dict[str, Any]
"""What argparse found."""


def add_flags(parser: Parser) -> list[Parser]:
    """The actions of the command; returns the parser of each."""
    actions = parser.add_subparsers(title=tr("actions"), dest="action", metavar="ACTION")
    run_help = tr("Its name, the beginning or a part of it, the path of its folder, or last.")
    parsers = {name: actions.add_parser(name, help=text, description=text) for name, text in _actions().items()}
    parsers["list"].add_argument(
        "words",
        metavar="TEXT",
        nargs="*",
        help=tr(
            "Only runs in which each of these texts occurs: in the name, the state, a tag, the note, "
            "or a setting such as optimizer.lr=0.1."
        ),
    )
    parsers["list"].add_argument(
        "--sort",
        metavar="COLUMN",
        choices=[*COLUMNS, "created"],
        help=tr("Sort by {columns}; the newest first if not said.", columns=", ".join(COLUMNS)),
    )
    parsers["show"].add_argument("run", metavar="RUN", help=run_help)
    parsers["compare"].add_argument("run", metavar="RUN", nargs="+", help=run_help)
    parsers["delete"].add_argument("run", metavar="RUN", nargs="+", help=run_help)
    parsers["restore"].add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help=tr("The name of a deleted run, or a part of it; without one the deleted runs are listed."),
    )
    parsers["export"].add_argument("run", metavar="RUN", help=run_help)
    parsers["export"].add_argument(
        "file",
        metavar="FILE",
        help=tr(
            "Where to write it: .zip for the whole run, to be unzipped into the runs folder of "
            "another machine; .csv for its numbers."
        ),
    )
    parsers["export"].add_argument(
        "--epochs", action="store_true", help=tr("Write a line an epoch into the .csv file, not a line a batch.")
    )
    parsers["import"].add_argument(
        "file", metavar="FILE_OR_FOLDER", help=tr("A .zip file that was exported, or the folder of a run.")
    )
    for name in ("list", "show", "compare"):
        parsers[name].add_argument(
            "--json", action="store_true", help=tr("Print JSON for programs, not lines for people.")
        )
    return list(parsers.values())


def _actions() -> dict[str, str]:
    return {
        "list": tr("List the runs, the newest first."),
        "show": tr("Show a run: its settings, its figures, how it ended, and how it goes on."),
        "compare": tr("Show in which settings runs differ, and their figures side by side."),
        "delete": tr("Move runs to the bin; they can be brought back for a week."),
        "restore": tr("Bring a deleted run back."),
        "empty-bin": tr("Delete for good what is in the bin, to make room."),
        "export": tr("Write a run into one file."),
        "import": tr("Copy a run from elsewhere into the runs folder: its .zip file, or its folder."),
    }


def run(given: Given) -> int:
    """Do what `given` says; returns the exit code.

    Raises:
        Refused: if it cannot be done.
    """
    from desktop_trainer.cli.show_run import compare, show

    does: dict[str, Callable[[], int]] = {
        "list": lambda: show_list(given.get("words", []), given.get("sort", "created"), as_json="json" in given),
        "show": lambda: show(given["run"], as_json="json" in given),
        "compare": lambda: compare(given["run"], as_json="json" in given),
        "delete": lambda: delete(given["run"]),
        "restore": lambda: restore(given.get("run")),
        "empty-bin": empty_bin,
        "export": lambda: export(given["run"], Path(given["file"]), epochs="epochs" in given),
        "import": lambda: take_over(Path(given["file"])),
    }
    return does[given.get("action") or "list"]()


def show_list(words: list[str], sort: str, *, as_json: bool) -> int:
    """Print the runs in which each of `words` occurs, sorted by a column or ``created``."""
    from desktop_trainer.runs.index import RunIndex

    index = RunIndex()
    every = index.refresh()
    runs = [item for item in every if matches(words_of(item), words)]
    runs = runs if sort == "created" else sorted_by(runs, COLUMNS[sort])
    for name, reason in index.unreadable.items():
        print(clean(titled(name, reason)), file=sys.stderr)
    if as_json:
        print(json.dumps([plain(item) for item in runs], allow_nan=False))
    elif runs:
        rows = [[tr(column.heading) for column in COLUMNS.values()]]
        rows += [[cell(item, name) for name in COLUMNS] for item in runs]
        right = [number for number, column in enumerate(COLUMNS.values()) if column.number]
        print("\n".join(table(rows, right)))
    elif every:
        print(trn("The only run does not match.", "None of the {n} runs matches.", len(every)))
    else:
        print(
            tr(
                "There is no run in {folder} yet. Start one with desktop-trainer train, or in the window.",
                folder=folders.runs(),
            )
        )
    return 0


def delete(asked: list[str]) -> int:
    """Move runs to the bin; none of them if one is not found or is going on.

    Raises:
        Refused: if it is not clear which runs are meant, or one cannot be moved.
    """
    from desktop_trainer.runs.store import discard

    found = list(dict.fromkeys(map(find_folder, asked)))
    for folder in found:
        _check_deletable(folder)
    for folder in found:
        with _refusing():
            discard(folder)
        name = clean(folder.name)
        undo = f"desktop-trainer runs restore {shlex.quote(name)}"
        print(tr("{name} is in the bin for a week. To bring it back: {command}", name=name, command=undo))
    return 0


def _check_deletable(folder: Path) -> None:
    from desktop_trainer.runs.lock import is_running
    from desktop_trainer.runs.run_folder import EVENTS, EXPERIMENT, RUN

    if not any((folder / name).is_file() for name in (RUN, EXPERIMENT, EVENTS)):
        raise Refused(tr("{folder} is not the folder of a run. Nothing was deleted.", folder=folder), 2)
    if is_running(folder):
        raise Refused(tr("The run {name} is going on. Stop it first. Nothing was deleted.", name=clean(folder.name)))


def restore(asked: str | None) -> int:
    """Bring a deleted run back; without one list what is in the bin.

    Raises:
        Refused: if it is not clear which is meant, or it cannot be moved.
    """
    from desktop_trainer.runs import store

    binned = store.binned()
    if asked is None:
        print("\n".join(clean(folder.name) for folder in binned) or tr("The bin is empty."))
        return 0
    if not asked.strip():
        raise Refused(tr("Say which deleted run: its name, or a part of it."), 2)
    name = matching(
        asked,
        list(dict.fromkeys(folder.name for folder in binned)),
        tr("There is no {asked} in the bin.", asked=f"“{clean(asked)}”"),
    )
    with _refusing():
        restored = store.restore(next(folder for folder in binned if folder.name == name))
    print(tr("{name} is back.", name=clean(restored.name)))
    return 0


def empty_bin() -> int:
    """Delete for good what is in the bin."""
    from desktop_trainer.runs import store

    count = len(store.binned())
    store.empty_bin(days=0)
    print(trn("Deleted for good: {n} run.", "Deleted for good: {n} runs.", count - len(store.binned())))
    return 0


def export(asked: str, target: Path, *, epochs: bool) -> int:
    """Write a run as a .zip, or its numbers as a .csv.

    Raises:
        Refused: if it is not clear which run is meant, or the file cannot be written.
    """
    from desktop_trainer.report.number_tables import export_batches, export_epochs
    from desktop_trainer.runs.export import export_run
    from desktop_trainer.runs.history import read_journal

    if target.suffix.casefold() not in (".zip", ".csv"):
        raise Refused(
            tr("{path} ends neither in .zip, for the whole run, nor in .csv, for its numbers.", path=target), 2
        )
    folder = find_run(asked).folder
    with _refusing():
        if target.suffix.casefold() == ".zip":
            for _ in export_run(folder, target):
                pass
        else:
            (export_epochs if epochs else export_batches)(read_journal(folder), target)
    print(tr("{name} is written to {path}", name=clean(folder.name), path=target))
    return 0


def take_over(source: Path) -> int:
    """Copy the run in `source`, a zip file or a folder, into the runs folder.

    Raises:
        Refused: if it holds no run, or cannot be copied.
    """
    from desktop_trainer.runs.importing import ImportFailed, import_run

    try:
        *_, folder = import_run(source)
    except ImportFailed as error:
        raise Refused(clean(str(error))) from error
    assert isinstance(folder, Path)
    print(
        tr(
            "Imported as {name}. To let it go on: {command}",
            name=clean(folder.name),
            command=resume_command(folder.name),
        )
    )
    return 0


@contextmanager
def _refusing() -> Iterator[None]:
    """In its block a file that cannot be written or moved is told in one message. Unlike `refusing` it loads no
    torch.
    """
    from desktop_trainer.runs.files import SaveFailed

    try:
        yield
    except SaveFailed as error:
        raise Refused(str(error)) from error
