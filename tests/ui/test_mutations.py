"""Whatever became of the file of the last session, the window opens: with its settings, or with the first ones and
a notice.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from desktop_trainer.experiment.fields import to_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.ui.last_session import FORMAT, last_experiment
from tests.mutations import cases, edited, spoilt


def test_any_last_session_is_taken_or_kept_aside(home: Path) -> None:
    whole = json.dumps({"format": FORMAT, "experiment": to_values(parse_experiment({}))})
    home.mkdir()
    path = home / "session.json"

    @cases(500)
    @given(spoilt(whole.encode(), b"\xff\xfe\x00" * 30) | edited(whole))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        found, notice = last_experiment()
        assert isinstance(found, Experiment) is (notice == "") is path.exists()
        if found is not None:
            assert found.optimizer.lr > 0
        for aside in home.glob("session.unusable*"):
            assert aside.read_bytes() == content
            aside.unlink()

    check()


@pytest.mark.parametrize("depth", [60, 300, *range(800, 1000, 40)])
def test_no_depth_of_nesting_exhausts_the_stack(home: Path, depth: int) -> None:
    home.mkdir()
    (home / "session.json").write_text(f'{{"format": {FORMAT}, "experiment": {{"model": {"[" * depth}{"]" * depth}}}}}')
    assert last_experiment()[0] is None
