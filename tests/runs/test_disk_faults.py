"""A disk that fails at any call, or forgets what was not synced: what was saved stays, and the run goes on when it
can.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from desktop_trainer.engine.events import BatchEnded, RunEnded
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.checkpoint import newest_checkpoint, save_checkpoint
from desktop_trainer.runs.checkpoint_folders import all_names, checkpoints
from desktop_trainer.runs.events import SaveProblem
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import MODEL

Same = Callable[[Any, Any], bool]


class FailingDisk(Disk):
    """Fails at call `first`, counted from 1, and at those that follow up to `last`; half of a write is done."""

    def __init__(self, first: int, last: int, number: int) -> None:
        self.calls, self.first, self.last, self.number = 0, first, last, number

    def _call(self, then: Callable[..., Any], *values: Any) -> Any:
        self.calls += 1
        if self.first <= self.calls <= self.last:
            if len(values) == 2 and isinstance(values[1], bytes | memoryview):
                then(values[0], values[1][: len(values[1]) // 2])
            raise OSError(self.number, os.strerror(self.number))
        return then(*values)

    def create(self, path: Path) -> BinaryIO:
        file: BinaryIO = self._call(super().create, path)
        return file

    def append(self, path: Path) -> BinaryIO:
        file: BinaryIO = self._call(super().append, path)
        return file

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        self._call(super().write, file, data)

    def sync(self, file: BinaryIO) -> None:
        self._call(super().sync, file)

    def replace(self, source: Path, target: Path) -> None:
        self._call(super().replace, source, target)

    def sync_folder(self, folder: Path) -> None:
        self._call(super().sync_folder, folder)

    def remove(self, path: Path) -> None:
        self._call(super().remove, path)

    def make_folder(self, path: Path) -> None:
        self._call(super().make_folder, path)

    def remove_folder(self, path: Path) -> None:
        self._call(super().remove_folder, path)


@pytest.fixture
def values(small: dict[str, Any]) -> dict[str, Any]:
    """An epoch of two batches, saved after each."""
    data = {**small["data"], "batch_size": 48}
    saving = {"every_batches": 1, "every_minutes": 0}
    return {**small, "data": data, "training": {"epochs": 1}, "saving": saving}


def record(values: dict[str, Any], folder: Path, disk: Disk | None = None) -> tuple[Recording, list[SaveProblem]]:
    """A whole run, pulled on after each problem."""
    folder.mkdir(exist_ok=True)
    recording = Recording(Training(parse_experiment(values)), folder, disk=disk)
    return recording, [event for event in recording.events() if isinstance(event, SaveProblem)]


def timeless(recording: Recording) -> Any:
    state = recording.training.state()
    return {key: value for key, value in state.items() if key != "seconds"}


def test_a_call_that_fails_once_loses_nothing_whichever_it_is(
    values: dict[str, Any], tmp_path: Path, same: Same
) -> None:
    """Before anything is trained the run is refused and leaves nothing; later it holds, and the next try is good."""
    whole = FailingDisk(0, -1, 0)
    expected = timeless(record(values, tmp_path / "whole", whole)[0])
    refused = held = 0
    for call in range(1, whole.calls + 1):
        folder, number = tmp_path / str(call), (errno.EIO, errno.ENOSPC)[call % 2]
        try:
            recording, problems = record(values, folder, FailingDisk(call, call, number))
        except SaveFailed:
            refused += 1
            assert not folder.exists()
            continue
        held += bool(problems)
        assert len(problems) <= 1
        assert same(timeless(recording), expected)
        assert same({**newest_checkpoint(folder).state, "seconds": 0}["model"], expected["model"])
        assert load_model(folder / MODEL).metrics["epoch"] == 1
        history = read_journal(folder)
        assert [len(block) for block in history.records] == [2]
        assert (history.ended or recording.ended) is not None
        assert history.ended is not None
        assert not list(folder.rglob("*.tmp"))
    assert refused > 10
    assert held > 30


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_stays_broken_holds_the_run_where_it_stands(
    values: dict[str, Any], tmp_path: Path, same: Same, number: int
) -> None:
    """However often it is tried; the last whole checkpoint loads; closing says so; then the run goes on to the same
    end.
    """
    expected = timeless(record(values, tmp_path / "whole")[0])
    counted = FailingDisk(0, -1, 0)
    record(values, tmp_path / "counted", counted)
    held = 0
    for call in range(1, counted.calls + 1, 4):
        folder = tmp_path / str(call)
        folder.mkdir()
        recording = Recording(Training(parse_experiment(values)), folder, disk=FailingDisk(call, 10**9, number))
        events = recording.events()
        try:
            next(event for event in events if isinstance(event, SaveProblem))
        except SaveFailed:
            continue  # before anything was trained
        except StopIteration:
            continue  # only the removal of an old checkpoint failed, at the very end
        place = recording.training.epoch, recording.training.batch
        again = [next(events) for _ in range(3)]
        assert all(isinstance(event, SaveProblem) for event in again)
        assert (recording.training.epoch, recording.training.batch) == place
        with pytest.raises(SaveFailed):
            events.close()
        held += 1
        resumed = reopen(folder)
        *_, ended = resumed.events()
        assert isinstance(ended, RunEnded)
        assert same(timeless(resumed), expected)
        assert [len(block) for block in read_journal(folder).records] == [2]
    assert held > 10


def test_a_full_disk_is_told_with_needed_and_free_space(values: dict[str, Any], tmp_path: Path) -> None:
    counted = FailingDisk(0, -1, 0)
    record(values, tmp_path / "counted", counted)
    problems = [
        problem
        for call in range(60, 90, 3)
        for problem in record(values, tmp_path / str(call), FailingDisk(call, call, errno.ENOSPC))[1]
    ]
    assert problems
    assert all("The disk is full" in problem.reason and "are free" in problem.reason for problem in problems)


def test_a_read_only_folder_is_told_at_the_start(values: dict[str, Any], tmp_path: Path) -> None:
    class ReadOnly(FailingDisk):
        def append(self, path: Path) -> BinaryIO:
            return Disk.append(self, path)

    run = Recording(Training(parse_experiment(values)), tmp_path, disk=ReadOnly(1, 10**9, errno.EROFS))
    seen: list[Any] = []
    with pytest.raises(SaveFailed, match="not allowed"):
        seen.extend(run.events())
    assert seen == []


def test_checkpoints_that_cannot_be_made_are_told_before_the_first_batch(
    values: dict[str, Any], tmp_path: Path
) -> None:
    """A folder in which files can be written, but no folders made."""

    class NoFolders(Disk):
        def make_folder(self, path: Path) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    run = Recording(Training(parse_experiment(values)), tmp_path, disk=NoFolders())
    seen: list[Any] = []
    with pytest.raises(SaveFailed, match="not allowed"):
        seen.extend(run.events())
    assert not any(isinstance(event, BatchEnded) for event in seen)
    assert run.ended is not None
    assert run.ended.paths == {}


@dataclass
class File:
    """A file as it is, and what of it is synced."""

    whole: bytes = b""
    synced: bytes = b""


class Folder(dict[str, Any]):
    """A folder as it is, by name, and in `durable` as it is on the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.durable: dict[str, Any] = {}


class LoggedDisk(Disk):
    """Does everything, and remembers it for `after_power_loss`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log: list[Any] = []

    def create(self, path: Path) -> BinaryIO:
        self.log.append(("create", path))
        return super().create(path)

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        self.log.append(("write", Path(file.name), data))
        super().write(file, data)

    def sync(self, file: BinaryIO) -> None:
        self.log.append(("sync", Path(file.name)))
        super().sync(file)

    def replace(self, source: Path, target: Path) -> None:
        self.log.append(("replace", source, target))
        super().replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        self.log.append(("sync_folder", folder))
        super().sync_folder(folder)

    def remove(self, path: Path) -> None:
        self.log.append(("remove", path))
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        self.log.append(("make_folder", path))
        super().make_folder(path)

    def remove_folder(self, path: Path) -> None:
        self.log.append(("remove", path))
        super().remove_folder(path)


def after_power_loss(root: Path, log: list[Any], target: Path, *, names_survive: bool) -> None:
    """Write to `target` what the disk holds after these calls: synced content under synced names.

    With `names_survive` the names were written out by chance, the content that was not synced only half.
    """
    top = Folder()

    def inside(path: Path) -> Folder:
        folder = top
        for part in path.relative_to(root).parts:
            folder = folder[part]
        return folder

    for name, path, *more in log:
        if name == "sync_folder":
            folder = inside(path)
            folder.durable = dict(folder)
            continue
        holder = inside(path.parent)
        match name:
            case "create":
                holder[path.name] = File()
            case "make_folder":
                holder[path.name] = Folder()
            case "write":
                holder[path.name].whole += more[0]
            case "sync":
                holder[path.name].synced = holder[path.name].whole
            case "replace":
                inside(more[0].parent)[more[0].name] = holder.pop(path.name)
            case "remove":
                holder.pop(path.name, None)
    _write_out(top, target, names_survive)


def _write_out(folder: Folder, target: Path, names_survive: bool) -> None:
    target.mkdir()
    for name, item in (folder if names_survive else folder.durable).items():
        if isinstance(item, Folder):
            _write_out(item, target / name, names_survive)
        else:
            half = item.whole[: len(item.whole) // 2] if names_survive else b""
            (target / name).write_bytes(item.synced or half)


@pytest.mark.parametrize("names_survive", [False, True])
def test_after_a_power_cut_at_any_call_the_checkpoint_is_wholly_old_or_wholly_new(
    tmp_path: Path, state_after: Any, same: Same, names_survive: bool
) -> None:
    """And it is never older than the last one that was acknowledged."""
    root = tmp_path / "run"
    root.mkdir()
    disk = LoggedDisk(root)
    states, acknowledged = [state_after(count) for count in (0, 1, 5, 9)], []
    for state in states:
        save_checkpoint(root, state, disk)
        acknowledged.append(len(disk.log))
    assert len(checkpoints(root)) == 3
    for cut in range(acknowledged[0], len(disk.log) + 1):
        target = tmp_path / str(cut)
        after_power_loss(root, disk.log[:cut], target, names_survive=names_survive)
        found = newest_checkpoint(target)
        which = next(index for index, state in enumerate(states) if same(found.state, state))
        assert which >= sum(place <= cut for place in acknowledged) - 1, disk.log[cut - 1]
        assert len(all_names(target)) <= 4


def test_the_simulated_power_cut_sees_a_missing_sync(tmp_path: Path, state_after: Any, same: Same) -> None:
    """Negative control: without one of the syncs some cut loses or mixes something."""
    for missing in ("sync", "sync_folder"):
        root = tmp_path / missing
        root.mkdir()
        disk = LoggedDisk(root)
        states = [state_after(1), state_after(5)]
        ends = [len(disk.log) for state in states if save_checkpoint(root, state, disk)]
        careless = [call for call in disk.log[: ends[1]] if call[0] != missing]
        after_power_loss(root, careless, root / "after", names_survive=missing == "sync")
        with pytest.raises(Exception, match=r"has no checkpoint|None of the run's"):
            newest_checkpoint(root / "after")


def test_every_disk_call_is_counted() -> None:
    """A new method of `Disk` must be made to fail here, too."""
    methods = {name for name in vars(Disk) if not name.startswith("_")}
    assert methods <= set(vars(FailingDisk))
    assert methods - {"append"} <= set(vars(LoggedDisk))
    assert list(itertools.islice(methods, 1))
