"""The list of runs: what has not changed is not read again, and whatever happens to the cache, the folders are
right (F30).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_trainer.runs import index as index_module
from desktop_trainer.runs.index import INDEX, RunIndex
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import EVENTS, LOCK, RUN, Notes, write_notes
from desktop_trainer.runs.summary import RunSummary, read_summary
from tests.runs.conftest import epoch_ended, make_run
from tests.runs.test_lock import HOLD

NAMES = ["plain", "with spaces", "中文 🎛️"]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in NAMES:
        make_run(tmp_path / "runs" / name)
    return tmp_path / "runs"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that are read from their folders."""
    names: list[str] = []

    def reading(folder: Path, *rest: object) -> RunSummary:
        names.append(folder.name)
        return read_summary(folder, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(index_module, "read_summary", reading)
    return names


def names(index: RunIndex) -> set[str]:
    return {summary.name for summary in index.refresh()}


def test_the_newest_comes_first(runs: Path) -> None:
    found = RunIndex(runs).refresh()
    assert {summary.name for summary in found} == set(NAMES)
    assert [summary.created for summary in found] == sorted((summary.created for summary in found), reverse=True)


def test_what_has_not_changed_is_not_read_again_not_even_by_another_process(runs: Path, read: list[str]) -> None:
    first = RunIndex(runs)
    whole = first.refresh()
    assert sorted(read) == sorted(NAMES)
    read.clear()
    assert first.refresh() == whole
    assert RunIndex(runs).refresh() == whole
    assert read == []


def test_only_the_run_that_changed_is_read(runs: Path, read: list[str]) -> None:
    index = RunIndex(runs)
    index.refresh()
    read.clear()
    write_notes(runs / "plain", Notes(("best",), ""))
    assert {summary.tags for summary in index.refresh() if summary.name == "plain"} == {("best",)}
    journal = Journal(runs / "with spaces")
    journal.write(epoch_ended(4, 0.9))
    journal.close()
    assert {summary.epoch for summary in index.refresh() if summary.name == "with spaces"} == {4}
    assert read == ["plain", "with spaces"]


def test_runs_that_come_go_or_are_renamed_are_seen(runs: Path, read: list[str]) -> None:
    index = RunIndex(runs)
    index.refresh()
    shutil.rmtree(runs / "plain")
    (runs / "with spaces").rename(runs / "renamed")
    make_run(runs / "new")
    assert names(index) == {"renamed", "new", NAMES[2]}
    read.clear()
    assert names(RunIndex(runs)) == {"renamed", "new", NAMES[2]}
    assert read == []


def test_the_folder_of_all_runs_can_be_moved(runs: Path, tmp_path: Path) -> None:
    RunIndex(runs).refresh()
    moved = runs.rename(tmp_path / "moved 移动")
    assert {summary.folder for summary in RunIndex(moved).refresh()} == {moved / name for name in NAMES}


def test_a_run_whose_process_was_killed_is_seen_to_be_interrupted(tmp_path: Path) -> None:
    """Though no file has changed."""
    folder = make_run(tmp_path / "run", outcome="")
    index = RunIndex(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [summary.outcome for summary in index.refresh()] == ["running"]
        assert [summary.outcome for summary in RunIndex(tmp_path).refresh()] == ["running"]
        process.kill()
        process.wait()
    assert [summary.outcome for summary in index.refresh()] == ["interrupted"]
    assert [summary.outcome for summary in RunIndex(tmp_path).refresh()] == ["interrupted"]


def test_a_run_that_goes_on_is_followed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", outcome="")
    index = RunIndex(tmp_path)
    with RunLock(folder):
        index.refresh()
        journal = Journal(folder)
        for epoch in (4, 5):
            journal.write(epoch_ended(epoch))
            assert [(summary.outcome, summary.epoch) for summary in index.refresh()] == [("running", epoch)]
        journal.close()


def test_what_is_no_run_is_named_and_hurts_no_other(runs: Path) -> None:
    (runs / "stray").mkdir()
    (runs / "a file").write_text("x")
    (runs / ".bin").mkdir()
    (runs / "plain" / RUN).write_text('{"format": 2}')
    index = RunIndex(runs)
    assert names(index) == {"with spaces", NAMES[2]}
    assert index.unreadable.keys() == {"stray", "plain"}
    assert "newer version" in index.unreadable["plain"]


def test_no_folder_has_no_runs_and_is_not_made(tmp_path: Path) -> None:
    assert RunIndex(tmp_path / "gone").refresh() == []
    assert not (tmp_path / "gone").exists()


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 7])


def other_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("UPDATE runs SET summary = '{}'")
    connection.close()


def no_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE runs")
    connection.close()


def other_columns(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE runs; CREATE TABLE runs (name, signature)")
    connection.close()


def other_rows(path: Path) -> None:
    """A row that says something else than its checksum."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET summary = replace(summary, 'completed', 'diverged')")
        connection.execute("INSERT INTO runs VALUES ('null', NULL, NULL, NULL, NULL)")
    connection.close()


@pytest.mark.parametrize("spoil", [garbage, empty, cut, other_version, no_table, other_columns, other_rows])
def test_a_spoilt_cache_is_made_anew(runs: Path, read: list[str], spoil: object) -> None:
    whole = RunIndex(runs).refresh()
    assert callable(spoil)
    spoil(runs / INDEX)
    assert RunIndex(runs).refresh() == whole
    RunIndex(runs).refresh()  # where the damage shows only when it is written, the one before has removed the file
    read.clear()
    assert RunIndex(runs).refresh() == whole
    assert read == []


def test_a_flipped_byte_anywhere_changes_no_summary(runs: Path) -> None:
    whole = RunIndex(runs).refresh()
    content = (runs / INDEX).read_bytes()
    for where in range(0, len(content), 199):
        (runs / INDEX).write_bytes(content[:where] + bytes([content[where] ^ 0x55]) + content[where + 1 :])
        assert RunIndex(runs).refresh() == whole


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_locked_cache_is_done_without_at_once_and_kept(runs: Path, how: str) -> None:
    whole = RunIndex(runs).refresh()
    before = (runs / INDEX).read_bytes()
    holder = sqlite3.connect(runs / INDEX, isolation_level=None)
    holder.execute(how)
    make_run(runs / "new")
    assert names(RunIndex(runs)) == {*NAMES, "new"}
    holder.execute("ROLLBACK")
    holder.close()
    assert (runs / INDEX).read_bytes() == before
    shutil.rmtree(runs / "new")
    assert RunIndex(runs).refresh() == whole


def test_a_folder_in_the_place_of_the_cache_is_left_alone(runs: Path) -> None:
    (runs / INDEX).mkdir()
    (runs / INDEX / "mine").write_text("x")
    assert names(RunIndex(runs)) == set(NAMES)
    assert (runs / INDEX / "mine").read_text() == "x"


READ_ONLY = (
    "import os, sys; from pathlib import Path; from desktop_trainer.runs.index import RunIndex\n"
    "for _ in range(2): RunIndex(Path(sys.argv[2])).refresh()\n"  # what it loads may not be readable for others
    "os.geteuid() or os.seteuid(65534)\n"  # root may write everywhere
    "print(*sorted(item.name for item in RunIndex(Path(sys.argv[1])).refresh()), sep='|')"
)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("indexed", [True, False])
def test_a_read_only_folder_is_listed(runs: Path, indexed: bool) -> None:
    if indexed:
        RunIndex(runs).refresh()
        make_run(runs / "newer")
    make_run(runs.parent / "others" / "one")
    for path in [runs, *runs.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in runs.parents[:4]:
        path.chmod(path.stat().st_mode | 0o555)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(runs), str(runs.parent / "others")],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    for path in [runs, *runs.rglob("*")]:
        path.chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.strip() == "|".join(sorted([*NAMES, *(["newer"] if indexed else [])]))
    assert (runs / INDEX).exists() == indexed


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names that are no text")
def test_a_name_that_is_no_text_is_listed(runs: Path) -> None:
    name = os.fsdecode(b"run \xff")
    make_run(runs / name)
    assert names(RunIndex(runs)) == {*NAMES, name}
    assert names(RunIndex(runs)) == {*NAMES, name}


def test_nothing_is_written_into_the_folders_of_the_runs(runs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    RunIndex(runs).refresh()
    after = {path: path.stat().st_mtime_ns for path in runs.rglob("*") if path.name != INDEX}
    assert after == before
    assert not (runs / "plain" / LOCK).exists()
    assert (runs / "plain" / EVENTS).exists()
