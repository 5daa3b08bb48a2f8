"""One training a run folder, however the one before it ended (fault F31)."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.lock import RunBusy, RunLock, is_running
from desktop_trainer.runs.run_folder import LOCK

HOLD = (
    "import sys, time; from pathlib import Path; from desktop_trainer.runs.lock import RunLock\n"
    "lock = RunLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(600)"
)


def test_a_second_training_of_this_process_is_told_and_the_first_goes_on(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        with pytest.raises(RunBusy, match=r"another window or program\. Stop it"):
            RunLock(tmp_path).acquire(patience=0)
        assert is_running(tmp_path)
    assert not is_running(tmp_path)
    with RunLock(tmp_path):
        pass


def test_a_killed_process_frees_its_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_running(tmp_path)
        with pytest.raises(RunBusy):
            RunLock(tmp_path).acquire(patience=0)
        process.kill()
        process.wait()
    assert (tmp_path / LOCK).exists()
    assert not is_running(tmp_path)
    with RunLock(tmp_path):
        pass


def test_to_look_takes_no_lock_away_from_a_starter(tmp_path: Path) -> None:
    """Nor do two who look see each other."""
    with RunLock(tmp_path):
        pass
    over = threading.Event()
    seen: list[bool] = []

    def look() -> None:
        while not over.is_set():
            seen.append(is_running(tmp_path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    while len(seen) < 1000:
        pass
    assert not any(seen)
    for _ in range(20):
        with RunLock(tmp_path):
            pass
    over.set()
    for looker in lookers:
        looker.join()


def test_it_may_be_freed_by_another_thread(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    assert not is_running(tmp_path)


def test_to_look_writes_nothing(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    assert not is_running(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(SaveFailed, match="not allowed"):
            RunLock(tmp_path).acquire()
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_run_that_may_not_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(SaveFailed, match=r"not allowed.*copy the folder elsewhere"):
        RunLock(tmp_path).acquire()


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(SaveFailed, match="no such folder"):
        RunLock(tmp_path / "gone").acquire(patience=0)
    assert not (tmp_path / "gone").exists()


def test_what_stands_in_the_place_of_the_lock_is_said(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(SaveFailed, match="a folder of that name"):
        RunLock(tmp_path).acquire(patience=0)
