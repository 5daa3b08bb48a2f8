"""Runs from elsewhere: whole ones arrive as they were, and nothing else gets in, nor anywhere but below the runs
folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_trainer.runs.export import export_run
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.importing import ImportFailed, can_be_run, import_run
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import LOCK, read_facts
from desktop_trainer.runs.summary import read_summary
from tests.runs.conftest import make_run

WEIGHTS = Path("checkpoints", "0001 epoch 1 batch 0", "weights.safetensors")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that lies elsewhere."""
    folder = make_run(tmp_path / "elsewhere" / "LeNet 论文 🎛️")
    (folder / WEIGHTS).parent.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"\x00\x01" * 1_000_000)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def exported(run: Path, tmp_path: Path) -> Path:
    list(export_run(run, tmp_path / "x.zip"))
    return tmp_path / "x.zip"


def imported(source: Path, runs: Path) -> Path:
    *steps, folder = import_run(source, runs)
    assert steps == sorted(steps, key=int)  # type: ignore[arg-type]
    assert isinstance(folder, Path)
    return folder


def rezipped(archive: Path, rename: Callable[[str], str], **extra: bytes) -> Path:
    """The archive with other names, and more files in it."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(archive.with_name("made.zip"), "w") as new:
        for info in old.infolist():
            new.writestr(rename(info.filename), old.read(info))
        for name, data in extra.items():
            new.writestr(name, data)
    return archive.with_name("made.zip")


def refused(source: Path, runs: Path) -> str:
    """Why; nothing may be left anywhere."""
    before = set(runs.parent.rglob("*")) - {runs}
    with pytest.raises(ImportFailed, match=source.name) as caught:
        list(import_run(source, runs))
    assert set(runs.parent.rglob("*")) - {runs} == before
    return str(caught.value)


def test_an_exported_run_arrives_whole_under_its_name_or_one_beside_it(run: Path, exported: Path, runs: Path) -> None:
    for name in (run.name, f"{run.name} 2"):
        folder = imported(exported, runs)
        assert folder == runs / name
        assert (folder / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes()
        assert read_summary(folder).id == read_summary(run).id
    assert {path.name for path in runs.iterdir()} == {run.name, f"{run.name} 2"}


def test_a_folder_is_copied_without_its_lock_and_links(run: Path, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (run / "link").symlink_to(tmp_path / "secret")
    (run / LOCK).touch()
    folder = imported(run, runs)
    assert folder.name == run.name
    assert {path.name for path in folder.iterdir()} == {path.name for path in run.iterdir()} - {"link", LOCK}
    assert run.is_dir()


@pytest.mark.parametrize("prefix", ["", "outer/inner/"])
def test_a_run_is_found_wherever_in_the_archive_it_is(run: Path, exported: Path, runs: Path, prefix: str) -> None:
    """Zipped by hand: without its folder, or with others around it."""
    mac = {f"__MACOSX/{run.name}/._run.json": b"\x00"}
    made = rezipped(exported, lambda name: prefix + name.partition("/")[2], **mac)
    assert imported(made, runs).name == ("inner" if prefix else "made")


@pytest.mark.parametrize("name", ["../out.json", "a/../../out.json", "/tmp/out.json", "C:\\out.json", "..\\out.json"])
def test_no_file_is_written_outside(exported: Path, runs: Path, name: str) -> None:
    assert "outside" in refused(rezipped(exported, str, **{name: b"{}"}), runs)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(run: Path, exported: Path, runs: Path, kind: int) -> None:
    with zipfile.ZipFile(exported, "a") as archive:
        entry = zipfile.ZipInfo(f"{run.name}/odd")
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert "neither a file nor a folder" in refused(exported, runs)


def test_an_archive_that_holds_no_run_or_several_is_refused(run: Path, exported: Path, runs: Path) -> None:
    assert "no run" in refused(rezipped(exported, lambda name: f"{name}.txt"), runs)
    assert "2 runs" in refused(rezipped(exported, str, **{"other/run.json": b"{}"}), runs)
    broken = rezipped(exported, lambda name: name if name.endswith("run.json") else f"{name}.txt")
    assert "experiment.json" in refused(broken, runs)


def test_a_damaged_archive_is_refused(exported: Path, runs: Path) -> None:
    data = bytearray(exported.read_bytes())
    data[len(data) // 2] ^= 1
    exported.write_bytes(data)
    assert "damaged" in refused(exported, runs)
    exported.write_bytes(data[: len(data) // 2])
    assert "damaged" in refused(exported, runs)


@pytest.mark.parametrize("limit", ["_MOST_FILES", "_MOST_BYTES"])
def test_an_archive_that_would_fill_the_disk_is_refused(
    exported: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(f"desktop_trainer.runs.importing.{limit}", 2)
    assert "too large" in refused(exported, runs)


def test_a_folder_that_is_no_run_or_is_going_on_or_is_there_already_is_refused(run: Path, runs: Path) -> None:
    assert not can_be_run(run.parent)
    assert "not the folder of a run" in refused(run.parent, runs)
    assert "already" in refused(run, run.parent)
    with RunLock(run):
        assert "going on" in refused(run, runs)


class Full(Disk):
    def write(self, _file: object, _data: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_or_giving_up_leaves_nothing(exported: Path, runs: Path) -> None:
    with pytest.raises(ImportFailed, match="No space left"):
        list(import_run(exported, runs, Full()))
    given_up = import_run(exported, runs)
    next(given_up)
    given_up.close()
    assert list(runs.iterdir()) == []


def test_an_archive_made_to_fill_the_disk_is_refused_before_anything_is_unpacked(exported: Path, runs: Path) -> None:
    """Two gigabytes of zeros are two megabytes in an archive; what a run holds hardly gets smaller."""
    with (
        zipfile.ZipFile(exported, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{archive.namelist()[0].partition('/')[0]}/zeros", "w", force_zip64=True) as out,
    ):
        for _ in range(100):
            out.write(bytes(1 << 20))
    assert re.search(r"would unpack from \d\.\d to 1\d\d\.\d MB", refused(exported, runs))


def test_what_belonged_to_the_machine_it_comes_from_stays_there(run: Path, exported: Path, runs: Path) -> None:
    assert read_facts(run).local["data.workers"] == 2
    for source in (run, exported):
        facts = read_facts(imported(source, runs))
        assert facts.local == {}
        assert facts.id == read_facts(run).id
