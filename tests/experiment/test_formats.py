"""Experiments of earlier versions become those of today by small steps; those of newer ones say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.formats import FORMAT, numbered, of_today
from desktop_trainer.experiment.problems import ExperimentError, load_values, parse_experiment
from desktop_trainer.experiment.settings import Experiment

OLD = Path(__file__).parents[1] / "old_files"
FOLDER = {"name": "image_folder", "folder": "photographs", "test_share": 0.2}
FORMAT_1 = {"data": {"dataset": {**FOLDER, "size": 48}, "image_size": 0}}


def test_an_experiment_of_format_1_has_one_size_of_images_afterwards() -> None:
    data = of_today(FORMAT_1)["data"]
    assert (data["image_size"], data["dataset"]["size"], data["dataset"]["channels"]) == (48, 0, "colour")


@pytest.mark.parametrize("values", [{}, FORMAT_1, {"data": {"dataset": "digits", "image_size": 28}}])
def test_today_s_values_are_left_alone_with_and_without_their_number(values: dict[str, Any]) -> None:
    today = of_today(values)
    assert of_today(today) == today
    assert of_today(numbered(today)) == today


def test_what_is_written_names_its_format_and_is_read_again() -> None:
    experiment = Experiment()
    written = json.loads(json.dumps(numbered(shared_values(experiment))))
    assert written["format"] == FORMAT
    assert parse_experiment(written) == experiment


@pytest.mark.parametrize("path", sorted(OLD.glob("*/experiment.json")), ids=lambda path: path.parent.name)
def test_experiments_of_earlier_versions_are_opened(path: Path) -> None:
    assert parse_experiment(load_values(path)).data.dataset.name == "digits"


def test_a_newer_format_says_so_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "newer.json").write_text(json.dumps({"format": FORMAT + 1, "what": "nobody knows yet"}))
    with pytest.raises(ExperimentError, match=f"newer version .*format {FORMAT + 1}; this one reads up to {FORMAT}"):
        load_values(tmp_path / "newer.json")


@pytest.mark.parametrize("number", [0, -1, 1.5, "1", True, None, []])
def test_a_format_that_is_no_number_is_refused(number: object) -> None:
    with pytest.raises(ExperimentError, match="not the number of a format"):
        parse_experiment({"format": number})
