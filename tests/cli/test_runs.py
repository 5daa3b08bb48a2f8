"""``runs`` within this process: which run is meant, what is told of it, what is moved and written."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.cli import main
from desktop_trainer.cli.text_table import clean, table, width
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import save_failed_line
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import RUN, Notes, write_notes
from tests.runs.conftest import make_run

Captured = pytest.CaptureFixture[str]
FIRST, SECOND, THIRD = "2026-03-01 1405 mlp digits", "2026-03-01 1406 中文 🎛️", "cut off"


@pytest.fixture
def runs(home: Path) -> Path:
    """Three runs; the last one is the newest."""
    made = [
        make_run(home / "runs" / FIRST),
        make_run(home / "runs" / SECOND, outcome="diverged", accuracies=(0.5, 0.9), lr=0.5),
        make_run(home / "runs" / THIRD, outcome="", accuracies=(0.4,)),
    ]
    for day, folder in enumerate(made, 1):
        facts = json.loads((folder / RUN).read_text())
        (folder / RUN).write_text(json.dumps({**facts, "created": f"2026-03-0{day}T12:00:00+00:00"}))
    return home / "runs"


def told(capsys: Captured, *argv: str) -> list[str]:
    """The lines that a command prints that goes well."""
    assert main(["runs", *argv]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def told_json(capsys: Captured, *argv: str) -> Any:
    return json.loads("\n".join(told(capsys, *argv, "--json")))


def refused(capsys: Captured, *argv: str, code: int = 2) -> str:
    """What a command complains of."""
    assert main(["runs", *argv]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("argv", [[], ["list"]])
def test_the_list_has_a_line_a_run_the_newest_first(runs: Path, capsys: Captured, argv: list[str]) -> None:
    heading, *lines = told(capsys, *argv)
    assert heading.split()[:2] == ["Name", "State"]
    assert [line.partition("  ")[0] for line in lines] == [THIRD, SECOND, FIRST]
    assert lines[1].split()[-9:] == ["🎛️", "Diverged", "digits", "mlp", "2/3", "0.9000", "0.5000", "7.5", "s"]


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("name", [FIRST, SECOND, THIRD]),
        ("accuracy", [SECOND, FIRST, THIRD]),
        ("loss", [FIRST, SECOND, THIRD]),
        ("epochs", [FIRST, SECOND, THIRD]),
        ("duration", [SECOND, FIRST, THIRD]),
        ("created", [THIRD, SECOND, FIRST]),
        ("state", [FIRST, THIRD, SECOND]),
    ],
)
def test_the_list_is_sorted(runs: Path, capsys: Captured, column: str, order: list[str]) -> None:
    assert [run["name"] for run in told_json(capsys, "list", "--sort", column)] == order


def test_a_run_whose_last_save_failed_is_marked(runs: Path, capsys: Captured) -> None:
    journal = Journal(runs / FIRST)
    journal.write(save_failed_line("The disk is full."))
    journal.close()
    lines = told(capsys, "list")
    assert ["not saved" in line for line in lines] == [FIRST in line for line in lines]


def test_runs_without_a_figure_come_last(runs: Path, capsys: Captured) -> None:
    make_run(runs / "never trained", outcome="", accuracies=())
    for column in ("accuracy", "loss"):
        assert [run["name"] for run in told_json(capsys, "list", "--sort", column)][-1] == "never trained"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["mlp"], {FIRST, SECOND, THIRD}),
        (["中文"], {SECOND}),
        (["diverged"], {SECOND}),
        (["optimizer.lr=0.5"], {SECOND}),
        (["NOTED"], {THIRD}),
        (["tagged"], {THIRD}),
        (["digits_first_steps"], {FIRST, SECOND, THIRD}),
        (["mlp", "diverged"], {SECOND}),
        (["nothing such"], set()),
    ],
)
def test_the_list_is_filtered_by_texts(runs: Path, capsys: Captured, words: list[str], found: set[str]) -> None:
    write_notes(runs / THIRD, Notes(("tagged",), "Noted here."))
    assert {run["name"] for run in told_json(capsys, "list", *words)} == found


def test_json_tells_everything_and_nothing_that_is_not_json(runs: Path, capsys: Captured) -> None:
    first = told_json(capsys, "list")[-1]
    assert (first["name"], first["outcome"], first["epochs"], first["checkpoint"]) == (FIRST, "completed", 3, False)
    assert first["best"]["test_accuracy"] == 0.7
    assert first["values"]["optimizer"]["lr"] == 0.001
    assert Path(first["folder"]) == runs / FIRST


def test_no_runs_and_no_match_say_what_to_do(home: Path, capsys: Captured) -> None:
    assert "desktop-trainer train" in told(capsys, "list")[0]
    assert told_json(capsys, "list") == []
    assert not home.exists()
    make_run(home / "runs" / "one")
    assert told(capsys, "list", "nothing such") == ["The only run does not match."]


def test_a_folder_that_is_no_run_is_told_beside_the_list(runs: Path, capsys: Captured) -> None:
    (runs / "stray").mkdir()
    assert main(["runs", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 3
    assert "stray" in err


@pytest.mark.parametrize("asked", [SECOND, "2026-03-01 1406", "中", "1406", "path"])
def test_a_run_is_found_by_name_beginning_part_or_path(runs: Path, capsys: Captured, asked: str) -> None:
    asked = str(runs / SECOND) if asked == "path" else asked
    assert told(capsys, "show", asked)[0] == SECOND


def test_last_is_the_newest(runs: Path, capsys: Captured) -> None:
    assert told(capsys, "show", "last")[0] == THIRD


def test_a_run_elsewhere_is_found_by_its_path(
    tmp_path: Path, home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "else where")
    monkeypatch.chdir(tmp_path)
    assert told(capsys, "show", "./else where")[0] == "else where"


def test_what_can_be_several_runs_lists_them(runs: Path, capsys: Captured) -> None:
    lines = refused(capsys, "show", "2026").splitlines()
    assert "2 runs" in lines[0]
    assert lines[1:] == [f"  {SECOND}", f"  {FIRST}"]


@pytest.mark.parametrize("asked", ["", "..", ".", "x" * 5000, "a\0b", "no/such", "../runs"])
def test_what_is_no_run_is_refused(runs: Path, capsys: Captured, asked: str) -> None:
    assert main(["runs", "show", asked]) in (1, 2)
    out, err = capsys.readouterr()
    assert (out, "Traceback" in err) == ("", False)


def test_a_name_that_is_nearly_right_is_told(runs: Path, capsys: Captured) -> None:
    assert refused(capsys, "show", "cutoff").splitlines()[-1] == f"  {THIRD}"


def test_show_has_settings_figures_epochs_and_the_next_step(runs: Path, capsys: Captured) -> None:
    text = "\n".join(told(capsys, "show", SECOND))
    for words in ("Diverged. It diverged.", "epoch 2, test acc 0.9000", "optimizer.lr", "0.5", "digits_first_steps"):
        assert words in text
    (runs / THIRD / "checkpoints" / "0001").mkdir(parents=True)
    (runs / THIRD / "checkpoints" / "0001" / "manifest.json").write_text("{}")
    assert "desktop-trainer resume 'cut off'" in told(capsys, "show", THIRD)[-1]
    assert [epoch["epoch"] for epoch in told_json(capsys, "show", FIRST)["epochs_done"]] == [1, 2, 3]


def test_show_says_what_zero_means(runs: Path, capsys: Captured) -> None:
    settings = {line.split()[0]: line.split()[1:3] for line in told(capsys, "show", FIRST) if line.startswith("  ")}
    assert settings["training.patience"] == ["0", "(off)"]
    assert settings["data.image_size"] == ["0", "(automatic)"]
    assert settings["training.seed"] == ["0", "Seed"]


def test_a_run_that_diverged_is_advised_a_smaller_learning_rate(runs: Path, capsys: Captured) -> None:
    (runs / SECOND / "checkpoints" / "0001").mkdir(parents=True)
    (runs / SECOND / "checkpoints" / "0001" / "manifest.json").write_text("{}")
    assert told(capsys, "show", SECOND)[-1].endswith(f"resume '{SECOND}' --lr 0.05")


def test_show_tells_what_the_run_itself_advises_beside_the_command(runs: Path, capsys: Captured) -> None:
    failed = {
        "kind": "ended",
        "outcome": "failed",
        "epoch": 0,
        "batch": 0,
        "seconds": 0,
        "reason": "No memory.",
        "next_step": "Choose smaller images.",
    }
    folder = make_run(runs / "failed", outcome="", accuracies=())
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps(failed) + "\n")
    advice, command = told(capsys, "show", "failed")[-2:]
    assert advice.strip() == "Choose smaller images."
    assert command.strip() == "desktop-trainer resume failed"


def test_a_run_that_was_killed_while_it_loaded_can_begin_again(runs: Path, capsys: Captured) -> None:
    (make_run(runs / "killed", outcome="") / "events.jsonl").unlink()
    lines = told(capsys, "show", "killed")
    assert "New" in lines[1]
    assert lines[-1].strip() == "desktop-trainer resume killed"


def test_no_name_is_no_run_even_if_there_is_only_one(home: Path, capsys: Captured) -> None:
    make_run(home / "runs" / "one")
    assert "Say which run" in refused(capsys, "show", "")


def test_a_run_is_not_compared_with_itself(runs: Path, capsys: Captured) -> None:
    assert "twice" in refused(capsys, "compare", FIRST, str(runs / FIRST))


def test_what_a_file_says_cannot_command_the_terminal(runs: Path, capsys: Captured) -> None:
    write_notes(runs / THIRD, Notes(("\x1b[2J",), "one\ntwo\x07\u202e"))
    assert main(["runs", "show", THIRD]) == 0
    out = capsys.readouterr().out
    assert [mark for mark in out if not mark.isprintable() and mark != "\n"] == []
    assert "one two" in out


def test_compare_shows_only_the_settings_that_differ(runs: Path, capsys: Captured) -> None:
    heading, lr, empty, *figures = told(capsys, "compare", FIRST, SECOND)
    assert heading.split() == [*FIRST.split(), *SECOND.split()]
    assert (lr.split(), empty) == (["optimizer.lr", "0.001", "0.5"], "")
    assert "Best acc        0.7000                      0.9000" in figures
    compared = told_json(capsys, "compare", FIRST, THIRD, SECOND)
    assert compared["differences"] == [
        {"path": "optimizer.lr", "label": "Learning rate", "values": [0.001, 0.001, 0.5]}
    ]
    assert [run["name"] for run in compared["runs"]] == [FIRST, THIRD, SECOND]
    assert told(capsys, "compare", FIRST, THIRD)[1] == "no setting differs"


def test_a_deleted_run_lies_in_the_bin_and_comes_back_as_it_is_told(runs: Path, capsys: Captured) -> None:
    (line,) = told(capsys, "delete", "cut")
    assert line.endswith("desktop-trainer runs restore 'cut off'")
    assert len(told_json(capsys, "list")) == 2
    assert told(capsys, "restore") == [THIRD]
    assert told(capsys, "restore", THIRD) == ["cut off is back."]
    assert len(told_json(capsys, "list")) == 3
    assert told(capsys, "restore") == ["The bin is empty."]
    assert "in the bin" in refused(capsys, "restore", "cut")


@pytest.mark.parametrize("asked", ["", "  "])
def test_to_restore_nothing_in_particular_restores_nothing(runs: Path, capsys: Captured, asked: str) -> None:
    told(capsys, "delete", THIRD)
    assert "Say which deleted run" in refused(capsys, "restore", asked)
    assert told(capsys, "restore") == [THIRD]


def test_several_are_deleted_together_or_not_at_all(runs: Path, capsys: Captured) -> None:
    refused(capsys, "delete", FIRST, "no such")
    with RunLock(runs / SECOND):
        assert "going on" in refused(capsys, "delete", FIRST, SECOND, code=1)
    assert len(told_json(capsys, "list")) == 3
    assert len(told(capsys, "delete", FIRST, "last", FIRST)) == 2
    assert [run["name"] for run in told_json(capsys, "list")] == [SECOND]
    assert told(capsys, "empty-bin") == ["Deleted for good: 2 runs."]
    assert told(capsys, "restore") == ["The bin is empty."]


def test_a_folder_that_is_no_run_is_never_deleted(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "precious").mkdir()
    for asked in (str(tmp_path / "precious"), str(runs), "..", "."):
        assert main(["runs", "delete", asked]) in (1, 2)
    assert (tmp_path / "precious").is_dir()
    assert (runs / FIRST).is_dir()


def test_a_run_is_exported_whole_or_as_a_table(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "out 输出"
    target.mkdir()
    told(capsys, "export", FIRST, str(target / "run.zip"))
    with zipfile.ZipFile(target / "run.zip") as archive:
        assert f"{FIRST}/events.jsonl" in archive.namelist()
    for name, flags, count in (("batches.csv", [], 6), ("epochs.CSV", ["--epochs"], 3)):
        told(capsys, "export", FIRST, str(target / name), *flags)
        with (target / name).open(encoding="utf-8", newline="") as file:
            assert len(list(csv.DictReader(file))) == count
    assert ".csv" in refused(capsys, "export", FIRST, str(target / "run.tar"))
    assert "no such folder" in refused(capsys, "export", FIRST, str(target / "gone" / "run.zip"), code=1)


def test_an_exported_run_is_imported_under_a_free_name(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    told(capsys, "export", SECOND, str(tmp_path / "run.zip"))
    assert f"{SECOND} 2" in told(capsys, "import", str(tmp_path / "run.zip"))[0]
    one, other = (told_json(capsys, "show", str(runs / name)) for name in (SECOND, f"{SECOND} 2"))
    assert one["id"] == other["id"]
    assert "it holds no run" in refused(capsys, "import", str(empty_zip(tmp_path)), code=1)


def empty_zip(folder: Path) -> Path:
    zipfile.ZipFile(folder / "empty.zip", "w").close()
    return folder / "empty.zip"


def test_an_action_takes_the_language_too(runs: Path, capsys: Captured) -> None:
    assert main(["runs", "list", "--language", "zh_CN"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_runs_are_looked_after_without_torch(runs: Path, tmp_path: Path) -> None:
    """It would take seconds to load."""
    commands = [
        ["list"],
        ["show", FIRST],
        ["compare", FIRST, SECOND],
        ["delete", THIRD],
        ["restore", THIRD],
        ["empty-bin"],
        ["export", FIRST, str(tmp_path / "a.zip")],
        ["export", FIRST, str(tmp_path / "a.csv")],
    ]
    code = (
        "import sys; from desktop_trainer.cli import main\n"
        f"for argv in {commands!r}: assert main(['runs', *argv]) == 0\n"
        "print('loaded', sorted({'torch', 'torchvision', 'sklearn', 'PySide6'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_columns_stand_below_each_other_however_wide_the_characters_are() -> None:
    lines = list(table([["a", "b"], ["中文", "x"], ["e\u0301", "y"], ["a\nb", "z"]], right=[1]))
    assert {width(line) for line in lines} == {7}
    assert lines[1] == "中文  x"
    assert clean("a\x1b[0m") == "a [0m"


def test_a_run_that_did_all_of_its_epochs_can_train_further(runs: Path, capsys: Captured) -> None:
    """As many epochs again, as the window's Continue gives it."""
    (runs / FIRST / "checkpoints" / "0001").mkdir(parents=True)
    (runs / FIRST / "checkpoints" / "0001" / "manifest.json").write_text("{}")
    assert told(capsys, "show", FIRST)[-1].strip() == f"desktop-trainer resume '{FIRST}' --epochs 6"
