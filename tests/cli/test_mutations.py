"""Whatever the files of a run or of an experiment hold, a command tells what can be told, or refuses in a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_trainer.cli import runs
from desktop_trainer.cli.flags import source_values
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.runs.run_folder import EVENTS, EXPERIMENT, NOTES, RUN, Notes, write_notes
from tests.mutations import cases, edited, spoilt
from tests.runs.conftest import make_run

BOTH = ["spoilt", "whole"]
COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("list", {"words": [], "sort": "created"}),
    ("list", {"words": ["sgd"], "sort": "duration"}),
    ("show", {"run": "spoilt"}),
    ("compare", {"run": BOTH}),
]


@pytest.mark.parametrize("file", [RUN, EXPERIMENT, NOTES, EVENTS])
def test_any_run_can_be_listed_shown_and_compared(home: Path, capsys: pytest.CaptureFixture[str], file: str) -> None:
    make_run(home / "runs" / "whole")
    folder = make_run(home / "runs" / "spoilt")
    write_notes(folder, Notes(("good",), "note"))
    whole = (folder / file).read_bytes()
    lines = whole.splitlines(keepends=True)
    line = st.integers(0, len(lines) - 1).flatmap(
        lambda at: edited(lines[at]).map(lambda new: b"".join([*lines[:at], new, b"\n", *lines[at + 1 :]]))
    )

    @cases(70)
    @given(line if file == EVENTS else edited(whole) | spoilt(whole))
    def check(content: bytes) -> None:
        (folder / file).write_bytes(content)
        for action, asked in COMMANDS:
            for as_json in (False, True):
                with suppress(Refused):
                    assert runs.run({"action": action, **asked, **({"json": True} if as_json else {})}) == 0
                    said = capsys.readouterr().out
                    assert isinstance(json.loads(said), list | dict) if as_json else said

    check()


def test_any_config_is_taken_or_refused(tmp_path: Path) -> None:
    whole = json.dumps(shared_values(parse_experiment({})))
    path = tmp_path / "config.json"

    @cases(400)
    @given(edited(whole) | spoilt(whole.encode(), b"\xff\xfe\x00" * 30))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            parse_experiment(source_values({"config": str(path), "recipe": "digits_first_steps"}))
        except ExperimentError as error:
            str(error).encode()

    check()
