"""The command from outside: a quick run on tiny data, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from desktop_trainer.cli import main

HAS_QT = importlib.util.find_spec("PySide6") is not None


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without a screen."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "desktop_trainer", "benchmark", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)


def test_a_quick_run_measures_every_contender_and_leaves_no_trace(home: Path, tmp_path: Path) -> None:
    """Training in the window too, if there is Qt; the user's own folder stays empty."""
    plot = tmp_path / "plot.svg"
    done = run("--quick", "--json", "--device", "cpu", *(["--plot", str(plot)] if HAS_QT else []))
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    contenders = {"plain loop", "engine, headless", "fixed-batch limit"} | (
        {"engine, in the window"} if HAS_QT else set()
    )
    assert {name: set(taken) for name, taken in read["training"].items()} == dict.fromkeys(
        ("T1", "T3", "ResNet"), contenders
    )
    assert len(read["startup"]["help"]) == read["repeats"] == 1
    assert any("mean nothing, so no figure is judged" in note for note in read["notes"])
    assert (read["quick"], read["figures"]) == (True, [])
    assert {part for taken in read["training"].values() for parts in taken.values() for part in parts} == {
        "epoch",
        "training",
        "rate",
    } | ({"gui"} if HAS_QT else set())
    assert {work: len(taken["engine, headless"]["epoch"]) for work, taken in read["pairs"].items()} == (
        {"T1": 4, "T3": 4} if HAS_QT else {}
    )
    assert not home.exists()
    if HAS_QT:
        assert plot.read_text().startswith("<?xml")
        assert set(read["frames"]) == {"1000", "10000"}
        assert any("offscreen" in note for note in read["notes"])


@pytest.mark.skipif(sys.platform == "win32" or not HAS_QT, reason="signals, and the window")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_interrupted_while_the_window_trains(number: signal.Signals, code: int) -> None:
    """An exception in a slot of Qt would be printed and lost; no process is left."""
    command = [sys.executable, "-m", "desktop_trainer", "benchmark", "--device", "cpu", "--only", "t3", "--quick"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(
        [*command, "--repeat", "50"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as program:
        assert program.stderr is not None
        next(line for line in program.stderr if "in the window" in line)
        children = psutil.Process(program.pid).children(recursive=True)
        program.send_signal(number)
        rest = program.stderr.read()
        assert program.wait(60) == code, rest
    assert "Traceback" not in rest
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert (len(gone) > 0, alive) == (True, [])


def test_only_the_groups_asked_for_are_measured(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    if HAS_QT:
        request.getfixturevalue("qapp")
    assert main(["benchmark", "--quick", "--device", "cpu", "--only", "t3", "--repeat", "2"]) == 0
    out, err = capsys.readouterr()
    assert "T3: Softmax regression" in out
    assert "T1" not in out
    assert "2 of 2" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeat", "0"], "the least is 1"),
        (["--only", "everything"], "invalid choice"),
        (["--plot", "figure.pdf"], "does not end in .png or .svg"),
        (["--device", "cuda:99"], "no device cuda:99"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert main(["benchmark", "--quick", *arguments]) in (1, 2)
    assert message in capsys.readouterr().err


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys; from desktop_trainer.cli import main; main(['benchmark', '--help']); print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "--only" in done.stdout
    assert not {"torch", "PySide6"} & set(done.stdout.split())
