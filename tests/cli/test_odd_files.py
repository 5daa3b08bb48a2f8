"""Devices, pipes and files without end, wherever a file is asked for: one sentence at once, no traceback, no memory."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import psutil
import pytest

from desktop_trainer.cli import main
from desktop_trainer.engine import memory

Captured = pytest.CaptureFixture[str]
COMMANDS = {
    "config": ["train", "--config"],
    "weights": ["train", "--weights"],
    "model": ["evaluate"],
    "run": ["runs", "import"],
}


@pytest.fixture(params=["pipe", "device", "folder"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What is no file."""
    if request.param == "folder":
        (tmp_path / "odd").mkdir()
    elif request.param == "device" and Path("/dev/zero").exists():
        return Path("/dev/zero")
    elif hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "odd")
    else:
        pytest.skip("this system has none")
    return tmp_path / "odd"


def complaint(capsys: Captured, argv: list[str]) -> str:
    before = psutil.Process().memory_info().rss
    assert main(argv) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert psutil.Process().memory_info().rss - before < 500e6
    return err


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_what_is_no_file_is_said(command: list[str], odd: Path, capsys: Captured) -> None:
    words = "not the folder of a run" if command == COMMANDS["run"] and odd.is_dir() else "not a file"
    assert words in complaint(capsys, [*command, str(odd)])


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_sparse_file_of_a_terabyte_is_not_read(command: list[str], tmp_path: Path, capsys: Captured) -> None:
    with (tmp_path / "sparse.zip").open("wb") as file:
        file.truncate(1 << 40)
    words = {"config": "at most 1000000 are read", "run": "damaged"}
    name = next(name for name, known in COMMANDS.items() if known == command)
    assert words.get(name, "GB of memory") in complaint(capsys, [*command, str(tmp_path / "sparse.zip")])


def test_a_model_for_which_memory_is_short_is_said_with_what_it_needs(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(1_000_000))
    monkeypatch.setattr(memory, "free_memory", lambda _: 1_500_000)
    assert "needs about 2.0 MB of memory, and 1.5 MB are free" in complaint(
        capsys, ["evaluate", str(tmp_path / "model.safetensors")]
    )


def test_an_archive_that_announces_an_endless_list_of_contents_is_refused(tmp_path: Path, capsys: Captured) -> None:
    """zipfile would read all of it at once."""
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
        archive.writestr("run/run.json", b"{}")
    end = (tmp_path / "run.zip").read_bytes()[-22:]
    length = 3 << 30
    with (tmp_path / "run.zip").open("wb") as file:
        file.truncate(length)
        file.seek(length)
        file.write(end[:12] + length.to_bytes(4, "little") + bytes(4) + end[20:])
    assert "list of contents is too long" in complaint(capsys, ["runs", "import", str(tmp_path / "run.zip")])


def test_a_link_to_a_config_that_the_user_made_is_followed(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "real.json").write_text('{"training": {"epochs": 0}}')
    (tmp_path / "link.json").symlink_to("real.json")
    assert "0 is too small" in complaint(capsys, ["train", "--config", str(tmp_path / "link.json")])
