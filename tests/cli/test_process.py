"""What only a process of its own can show: imports, signals, pipes, exit codes."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.model_file import load_model

ENDLESS = ["train", "--dataset", "synthetic", "--epochs", "100000", "--device", "cpu", "--threads", "1", "--json"]
HEAVY = "{'torch', 'torchvision', 'numpy', 'sklearn', 'PySide6', 'pyqtgraph'}"


NO_ROOM = os.strerror(errno.ENOSPC)


def start(*argv: str, **how: Any) -> subprocess.Popen[str]:
    """The program, with its output at hand."""
    command = [sys.executable, "-m", "desktop_trainer", *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def shell(argv: list[str], redirection: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program to its end, started by a shell with its streams redirected."""
    command = f"{shlex.join([sys.executable, '-m', 'desktop_trainer', *argv])} {redirection}"
    variables = {**os.environ, "PYTHONUNBUFFERED": "", **environment}
    return subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, env=variables)


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["train", "--help", "--recipe", "lenet_sgd"],
        ["evaluate", "--help"],
        ["list"],
        ["list", "recipes"],
        ["batches", "9", "--batch-size", "2"],
        ["download", "--help"],
        ["runs", "--help"],
        ["runs", "list", "--help"],
        ["train", "--batch-size", "0"],
    ],
)
def test_help_and_lists_import_neither_torch_nor_qt(argv: list[str]) -> None:
    code = f"import sys; from desktop_trainer.cli import main; main({argv!r}); print('loaded', sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_after_the_batch_in_hand_and_keeps(number: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with start(*ENDLESS, "--save", str(path)) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if '"batch_ended"' in line:
                break
        process.send_signal(signal.Signals[number])
        out, err = process.communicate(timeout=60)
    items = [json.loads(line) for line in [*lines, *out.splitlines()]]
    batches = [(item["epoch"], item["batch"]) for item in items if item["event"] == "batch_ended"]
    ended = items[-1]
    assert (process.returncode, err) == (128 + signal.Signals[number], "")
    assert (ended["event"], ended["outcome"]) == ("run_ended", "stopped")
    assert len(batches) == ended["epoch"] * 4 + ended["batch"]  # 1000 samples in batches of 256: none is missing
    assert ended["paths"]["model"] == str(path)
    assert load_model(path).experiment is not None
    state = newest_checkpoint(Path(ended["paths"]["run"])).state
    assert (state["epoch"], state["batch"]) == (ended["epoch"], ended["batch"])


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_nothing_that_reads_for_a_run_outlives_it_when_it_is_killed() -> None:
    """The fork server, the workers of both splits, and what keeps count of their shared memory."""
    with start(*ENDLESS, "--placement", "stream", "--workers", "2") as process:
        assert process.stdout is not None
        next(line for line in process.stdout if '"batch_ended"' in line)
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 5
        process.kill()
        _, left = psutil.wait_procs(below, timeout=30)
        for each in left:
            each.kill()
    assert left == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGHUP", "SIGINT"])
def test_what_reaches_all_processes_of_a_terminal_leaves_a_streamed_run_the_time_to_be_kept(
    number: str, tmp_path: Path
) -> None:
    """Neither its data workers nor those that serve them end before it."""
    path = tmp_path / "model.safetensors"
    argv = [*ENDLESS, "--placement", "stream", "--workers", "2", "--save", str(path)]
    with start(*argv, start_new_session=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if '"batch_ended"' in line)
        os.killpg(process.pid, signal.Signals[number])
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.Signals[number], "")
    assert json.loads(out.splitlines()[-1])["outcome"] == "stopped"
    assert load_model(path).weights


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_under_nohup_the_closing_of_the_terminal_is_still_ignored() -> None:
    with start(*ENDLESS, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if '"batch_ended"' in line)
        process.send_signal(signal.SIGHUP)
        for _ in range(20):
            next(line for line in process.stdout if '"batch_ended"' in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("moment", ["at once", "run_ended"])
def test_ctrl_c_again_and_again_prints_no_traceback(moment: str) -> None:
    """Be it while the run is being saved, or at the very end."""
    with start(*ENDLESS, "--placement", "stream", "--workers", "1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        next(line for line in process.stdout if '"batch_ended"' in line)
        process.send_signal(signal.SIGINT)
        if moment != "at once":
            next(line for line in process.stdout if f'"{moment}"' in line)
        reader = Thread(target=process.stdout.read)
        reader.start()
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        reader.join()
        err = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("closed", "how"),
    [(">&-", []), (">&-", ["--json"]), ("2>&-", []), ("<&- >&- 2>&-", ["--placement", "stream", "--workers", "1"])],
)
def test_a_run_whose_output_is_closed_trains_and_keeps(closed: str, how: list[str], tmp_path: Path) -> None:
    """None of its files gets the number of the stream, and with it what is printed."""
    path = tmp_path / "model.safetensors"
    argv = ["train", "--dataset", "synthetic", "--epochs", "2", "--device", "cpu", "--save", str(path), *how]
    done = shell(argv, closed)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_model(path).weights
    assert newest_checkpoint(next((tmp_path / "home" / "runs").glob("[!.]*"))).state["epoch"] == 2


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="Linux's full device")
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_run_whose_output_is_full_trains_and_keeps_and_says_so_at_the_end(how: list[str], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    argv = ["train", "--dataset", "synthetic", "--epochs", "2", "--device", "cpu", "--save", str(path), *how]
    done = shell(argv, f">{FULL}")
    assert (done.returncode, done.stderr) == (
        1,
        f"desktop-trainer: The output could not be written to its end: {NO_ROOM}.\n",
    )
    assert load_model(path).weights
    assert shell(argv, f"2>{FULL}", PYTHONUNBUFFERED="1").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("argv", [["list"], ["runs", "list", "--json"], ["--help"], ["train", "--batch-size", "0"]])
def test_a_command_whose_output_is_closed_or_full_ends_without_a_traceback(argv: list[str], unbuffered: str) -> None:
    usual = shell(argv, "").returncode
    done = shell(argv, ">&-")
    assert (done.returncode, "Traceback" in done.stderr) == (usual, False)
    assert shell(argv, "2>&-").returncode == usual
    if FULL.exists():
        done = shell(argv, f">{FULL}", PYTHONUNBUFFERED=unbuffered)
        assert (done.returncode, "Traceback" in done.stderr) == (usual or 1, False)


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_closed_pipe_ends_quietly_and_keeps(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with start(*ENDLESS, "--save", str(path)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while '"batch_ended"' not in process.stdout.readline():
            pass
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, err) == (141, "")
    assert load_model(path).weights


def test_an_error_has_no_traceback_and_exit_1(tmp_path: Path) -> None:
    with start("train", "--dataset", "mnist", "--data-root", str(tmp_path)) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert err.startswith("desktop-trainer: MNIST is not in ")
    assert "Traceback" not in err
