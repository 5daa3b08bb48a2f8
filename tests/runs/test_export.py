"""A run in one file: unzipped elsewhere it is the same run."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path

import pytest

from desktop_trainer.runs.export import export_run
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.summary import read_summary
from tests.runs.conftest import make_run


@pytest.fixture(params=["plain", "with spaces", "中文 🎛️"])
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = make_run(tmp_path / "runs" / request.param)
    (folder / "checkpoints" / "0001 epoch 1").mkdir(parents=True)
    (folder / "checkpoints" / "0001 epoch 1" / "weights.safetensors").write_bytes(b"\x00\x01" * 1000)
    return folder


def unpacked(archive: Path, target: Path) -> None:
    """What an unzip program does; only our own names are in it."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            path = target / entry.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(opened.read(entry))


def test_an_unzipped_run_is_the_same_run(run: Path, tmp_path: Path) -> None:
    for _ in export_run(run, tmp_path / "run.zip"):
        pass
    unpacked(tmp_path / "run.zip", tmp_path / "elsewhere")
    before, after = read_summary(run), read_summary(tmp_path / "elsewhere" / run.name)
    for name in ("id", "name", "created", "outcome", "values", "best", "seconds"):
        assert getattr(after, name) == getattr(before, name)
    weights = Path("checkpoints", "0001 epoch 1", "weights.safetensors")
    assert (tmp_path / "elsewhere" / run.name / weights).read_bytes() == (run / weights).read_bytes()


def test_the_same_run_gives_the_same_bytes_whenever_it_is_written(run: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        steps = list(export_run(run, tmp_path / name))
        assert steps == [(done, len(steps) - 1) for done in range(len(steps))]
        for path in run.rglob("*"):
            os.utime(path, (1e9, 1e9))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_locks_temporary_files_and_links_out_of_the_folder_stay_behind(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (run / "link").symlink_to(tmp_path / "secret")
    (run / ".1234.tmp").write_text("x")
    with RunLock(run):
        list(export_run(run, tmp_path / "run.zip"))
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert names == {"run.json", "experiment.json", "events.jsonl", "weights.safetensors"}


def test_an_export_that_fails_or_is_given_up_leaves_the_old_file(run: Path, tmp_path: Path) -> None:
    class Full(Disk):
        def replace(self, source: Path, target: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))

    target = tmp_path / "run.zip"
    target.write_bytes(b"old")
    with pytest.raises(SaveFailed, match="disk is full"):
        list(export_run(run, target, Full()))
    given_up = export_run(run, target)
    next(given_up)
    given_up.close()
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"run.zip", "runs"}
