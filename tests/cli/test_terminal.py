"""Names in files from elsewhere reach the terminal as text, whichever command tells them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch

from desktop_trainer.catalog.datasets.images import MNIST
from desktop_trainer.cli import main
from desktop_trainer.cli.output import ProgressLine
from desktop_trainer.engine.events import Notice
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.model_file import SavedModel, export_state_dict, save_model
from desktop_trainer.runs.run_folder import LOG
from desktop_trainer.runs.run_log import RunLog
from tests.conftest import Answer, Mirror
from tests.runs.conftest import STARTED

Captured = pytest.CaptureFixture[str]
EVIL = "\x1b]0;owned\x07\x9b31m\u202e"
SHOWN = r"\u001b]0;owned\u0007\u009b31m\u202e"


def said(capsys: Captured) -> str:
    """All that was written; nothing of it is obeyed."""
    text = "".join(capsys.readouterr())
    assert [mark for mark in text if not mark.isprintable() and mark != "\n"] == []
    return text


def test_a_tensor_of_a_model(tmp_path: Path, capsys: Captured) -> None:
    experiment = Experiment.model_validate({"model": "softmax"})
    path = tmp_path / "model.safetensors"
    save_model(path, SavedModel(experiment, {EVIL: torch.zeros(2)}))
    assert main(["evaluate", str(path), "--device", "cpu"]) == 1
    assert SHOWN in said(capsys)


def test_the_classes_of_a_model(tmp_path: Path, capsys: Captured) -> None:
    experiment = Experiment.model_validate({"model": "softmax"})
    weights = {"1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10)}
    path = tmp_path / "model.safetensors"
    save_model(path, SavedModel(experiment, weights, class_names=(EVIL, *"123456789")))
    main(["evaluate", str(path), "--device", "cpu"])
    assert SHOWN in said(capsys)


@pytest.mark.skipif(sys.platform == "win32", reason="no such name there")
def test_the_name_of_a_file(tmp_path: Path, capsys: Captured) -> None:
    assert main(["evaluate", str(tmp_path / EVIL)]) == 1
    assert SHOWN in said(capsys)
    export_state_dict(tmp_path / f"{EVIL}.pt", {"a": torch.zeros(1)})
    assert main(["evaluate", str(tmp_path / f"{EVIL}.pt")]) == 1
    assert SHOWN in said(capsys)


def test_a_setting(tmp_path: Path, capsys: Captured) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({EVIL: 1, "data": {"dataset": EVIL}}))
    assert main(["train", "--config", str(config)]) == 2
    assert SHOWN in said(capsys)


def test_what_was_typed(capsys: Captured) -> None:
    assert main(["list", EVIL]) == 2
    assert main([f"--{EVIL}"]) == 2
    assert SHOWN in said(capsys)


def test_what_a_server_answers(
    mirrors: tuple[Mirror, Mirror], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def refuse(answer: Answer) -> None:
        answer.begin(403)

    monkeypatch.setitem(Answer.responses, 403, (EVIL[:-1], ""))
    monkeypatch.setattr(Answer, "do_GET", refuse)
    monkeypatch.setattr(MNIST, "remote", replace(MNIST.remote, mirrors=(mirrors[0].url,)))
    assert main(["download", "mnist", "--data-root", str(tmp_path)]) == 1
    assert SHOWN[:-6] in said(capsys)


def test_numbers_for_programs_stay_json(home: Path, capsys: Captured) -> None:
    assert main(["train", "--dataset", "synthetic", "--epochs", "1", "--device", "cpu", "--json"]) == 0
    run = Path(json.loads(capsys.readouterr().out.splitlines()[-1])["paths"]["run"])
    (run / "notes.json").write_text(json.dumps({"tags": [EVIL], "note": EVIL + "\x7f"}))
    assert main(["runs", "show", run.name, "--json"]) == 0
    assert json.loads(said(capsys))["note"] == EVIL + "\x7f"


def test_the_line_of_progress_obeys_only_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    ProgressLine().show(EVIL)
    assert terminal.getvalue() == f"\r\033[K{SHOWN}"


def test_the_log_of_a_run(tmp_path: Path) -> None:
    log = RunLog(Experiment(), tmp_path, Disk())
    log.tell(Notice(EVIL + "\udcff"))
    log.tell(STARTED)
    assert f"{SHOWN}\\udcff\n" in (tmp_path / LOG).read_text(encoding="utf-8")


def test_a_fault_of_the_program() -> None:
    """It ends in a traceback, which Python writes by itself."""
    code = (
        "import sys; from desktop_trainer import cli\ndef fail(_): raise "
        "LookupError(sys.argv[1])\ncli._run = fail; cli.main()"
    )
    command = [sys.executable, "-X", "utf8", "-c", code, EVIL]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr.endswith(f"LookupError: {SHOWN}\n")
    assert "\x1b" not in done.stderr
