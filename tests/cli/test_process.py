"""What only a process of its own can show: imports, signals, pipes, exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.model_file import load_model

ENDLESS = ["train", "--dataset", "synthetic", "--epochs", "100000", "--device", "cpu", "--threads", "1", "--json"]
HEAVY = "{'torch', 'torchvision', 'numpy', 'sklearn', 'PySide6', 'pyqtgraph'}"


def start(*argv: str) -> subprocess.Popen[str]:
    """The program, with its output at hand."""
    command = [sys.executable, "-m", "desktop_trainer", *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["--version"], ["train", "--help"], ["train", "--help", "--recipe", "lenet_sgd"], ["evaluate", "--help"], ["list"],
     ["list", "recipes"], ["batches", "9", "--batch-size", "2"], ["download", "--help"], ["runs", "--help"], ["runs", "list", "--help"], ["train", "--batch-size", "0"]],
)  # fmt: skip
def test_help_and_lists_import_neither_torch_nor_qt(argv: list[str]) -> None:
    code = f"import sys; from desktop_trainer.cli import main; main({argv!r}); print('loaded', sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_the_batch_in_hand_and_keeps(number: int, code: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with start(*ENDLESS, "--save", str(path)) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if '"batch_ended"' in line:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    items = [json.loads(line) for line in [*lines, *out.splitlines()]]
    batches = [(item["epoch"], item["batch"]) for item in items if item["event"] == "batch_ended"]
    ended = items[-1]
    assert (process.returncode, err) == (code, "")
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
