"""``desktop-trainer runs show`` and ``compare``: one run in full, several side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from desktop_trainer.cli.find_run import find_run
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.resume_command import resume_command
from desktop_trainer.cli.run_columns import COLUMNS, NOTHING, cell, figure_text, plain, value_text
from desktop_trainer.cli.text_table import clean, table
from desktop_trainer.experiment.difference import differences
from desktop_trainer.experiment.fields import get_value, settings_of
from desktop_trainer.i18n import joined, tr, trn
from desktop_trainer.report.run_columns import figure_of

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded
    from desktop_trainer.runs.history import History
    from desktop_trainer.runs.summary import RunSummary


def show(asked: str, *, as_json: bool) -> int:
    """Tell everything of a run but the numbers of its batches.

    Raises:
        Refused: if it is not clear which run is meant.
    """
    from desktop_trainer.runs.history import JournalReader

    run = find_run(asked)
    said = JournalReader(run.folder, records=False).read()
    if as_json:
        print(
            json.dumps({**plain(run), "epochs_done": plain(said.epochs), "starts": plain(said.starts)}, allow_nan=False)
        )
        return 0
    for title, lines in _chapters(run, said):
        print(f"\n{title}" if title else clean(run.name))
        for line in lines:
            print(f"  {line}")
    return 0


def _chapters(run: RunSummary, said: History) -> Iterator[tuple[str, list[str]]]:
    yield "", list(table(list(_facts(run))))
    yield tr("Settings"), list(table(list(_settings(run))))
    if said.epochs:
        yield tr("Each epoch"), list(table(_epochs(said.epochs), right=range(6)))
    if len(said.starts) > 1:
        yield (
            tr("Continued"),
            [
                line
                for start in said.starts[1:]
                for line in _start(start.epoch, start.batch, start.changes, start.inexact)
            ],
        )
    if next_steps := list(_next_steps(run)):
        yield tr("Next"), next_steps


def _facts(run: RunSummary) -> Iterator[tuple[str, str]]:
    yield (
        tr("State"),
        joined(tr("{state}.", state=cell(run, "state")), run.reason) if run.reason else cell(run, "state"),
    )
    progress = trn("{epochs} epoch", "{epochs} epochs", run.epochs or run.epoch, epochs=cell(run, "epochs"))
    batches = trn("{n} batch", "{n} batches", run.batch)
    yield (
        tr("Progress"),
        tr("{epochs}, {batches} of the next", epochs=progress, batches=batches) if run.batch else progress,
    )
    yield tr("Started"), f"{run.created.astimezone():%Y-%m-%d %H:%M:%S}"
    if run.ended_at is not None:
        yield tr("Ended"), f"{run.ended_at.astimezone():%Y-%m-%d %H:%M:%S}"
    yield tr("Duration"), cell(run, "duration")
    for title, ended in ((tr("Best"), run.best), (tr("Last"), run.last)):
        if ended is not None:
            yield (
                title,
                tr(
                    "epoch {epoch}, test acc {accuracy:.4f}, test loss {loss}",
                    epoch=ended.epoch,
                    accuracy=ended.test_accuracy,
                    loss=figure_text(ended.test_loss),
                ),
            )
    for title, text in ((tr("Recipe"), run.recipe), (tr("Tags"), ", ".join(run.tags)), (tr("Note"), run.note)):
        if text:
            yield title, text
    if run.save_failed:
        yield tr("Save failed"), run.save_failed
    yield tr("Folder"), str(run.folder)


def _settings(run: RunSummary) -> Iterator[tuple[str, str, str]]:
    for item in settings_of(run.values):
        if not item.local:
            value = get_value(run.values, item.path)
            value = item.default if value is None else value
            meant = tr(item.unit) if value or not item.zero else f"({tr(item.zero)})"
            yield item.path, f"{value_text(value)} {meant}".strip(), tr(item.label)


def _epochs(epochs: Sequence[EpochEnded]) -> list[tuple[str, ...]]:
    from desktop_trainer.quantities import duration

    heading = (tr("Epoch"), tr("Loss"), tr("Train acc"), tr("Test loss"), tr("Test acc"), tr("Time"))
    rows = [
        (
            str(event.epoch),
            *map(figure_text, (event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)),
            duration(event.seconds),
        )
        for event in epochs
    ]
    return [heading, *rows]


def _start(epoch: int, batch: int, changes: Sequence[str], inexact: Sequence[str]) -> Iterator[str]:
    epochs, batches = trn("{n} epoch", "{n} epochs", epoch), trn("{n} batch", "{n} batches", batch)
    yield tr("after {epochs} and {batches}", epochs=epochs, batches=batches)
    if changes:
        yield "  " + tr("changed: {settings}", settings=clean(", ".join(changes)))
    for sentence in inexact:
        yield "  " + clean(sentence)


def _next_steps(run: RunSummary) -> Iterator[str]:
    """What the run itself advises, and the command by which it goes on, if it can."""
    from desktop_trainer.report.next_steps import changes_to_go_on

    if run.outcome == "running":
        yield tr("It is going on in another window or program.")
        return
    if run.next_step:
        yield clean(run.next_step)
    changes = changes_to_go_on(run)
    if changes is not None:
        yield resume_command(run.name, changes)


def compare(asked: Sequence[str], *, as_json: bool) -> int:
    """Tell in which settings runs differ, and their figures, side by side.

    Raises:
        Refused: if it is not clear which runs are meant, or one is named twice.
    """
    runs = [find_run(each) for each in asked]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise Refused(tr("The same run is named twice. Name different runs to compare."), 2)
    different = differing(runs)
    if as_json:
        found = [{"path": path, "label": label, "values": plain(values)} for path, label, values in different]
        print(json.dumps({"runs": [plain(run) for run in runs], "differences": found}, allow_nan=False))
        return 0
    rows = [("", *(run.name for run in runs))]
    rows += [(path, *map(value_text, values)) for path, _, values in different]
    if not different:
        rows.append((tr("no setting differs"), *("" for _ in runs)))
    rows.append(("",) * len(rows[0]))
    rows += [(title, *texts) for title, texts in _figures(runs)]
    for line in table(rows):
        print(line)
    return 0


def differing(runs: Sequence[RunSummary]) -> list[tuple[str, str, list[object]]]:
    """Path, label and every run's value of each setting in which not all runs are alike; None where one has it not."""
    found: dict[str, tuple[str, list[object]]] = {}
    for number, other in enumerate(runs[1:], 1):
        for item in differences(runs[0].values, other.values):
            _, values = found.setdefault(item.path, (item.label, [item.before] * len(runs)))
            values[number] = item.after
    return [(path, label, values) for path, (label, values) in found.items()]


def _figures(runs: Sequence[RunSummary]) -> Iterator[tuple[str, list[str]]]:
    for name in ("state", "epochs", "accuracy"):
        yield tr(COLUMNS[name].heading), [cell(run, name) for run in runs]
    yield tr("Best epoch"), [NOTHING if run.best is None else str(run.best.epoch) for run in runs]
    yield tr("Last test acc"), [figure_text(figure_of(run, "test_accuracy")) for run in runs]
    yield tr("Last test loss"), [figure_text(figure_of(run, "test_loss")) for run in runs]
    for name in ("loss", "duration"):
        yield tr(COLUMNS[name].heading), [cell(run, name) for run in runs]
