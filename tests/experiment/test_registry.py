"""Registries: lazy, without duplicates, and helpful about unknown names."""

import sys
from pathlib import Path
from typing import Literal

import pytest
from pydantic_core import PydanticCustomError

from desktop_trainer.experiment.choices import REGISTRIES
from desktop_trainer.experiment.registry import Choice, Registry


class Tea(Choice):
    name: Literal["tea"] = "tea"
    label = "Tea"
    spoons: int = 1


class OtherTea(Choice):
    name: Literal["tea"] = "tea"
    label = "Other tea"


@pytest.fixture
def drinks() -> Registry[Choice]:
    """A registry that nothing else fills."""
    registry: Registry[Choice] = Registry("drinks", "sys")
    registry.register(Tea)
    return registry


def test_a_taken_name_is_an_error_that_names_its_owner(drinks: Registry[Choice]) -> None:
    with pytest.raises(ValueError, match=r"drinks: the name 'tea' is taken by Tea"):
        drinks.register(OtherTea)
    assert drinks["tea"] is Tea


@pytest.mark.parametrize("value", ["coffee", {"name": "coffee"}, {"name": 3}, 3, [], None])
def test_an_unknown_choice_lists_the_known(drinks: Registry[Choice], value: object) -> None:
    with pytest.raises(PydanticCustomError, match="Known are: tea"):
        drinks.validate(value)


def test_options_without_a_name_ask_for_the_name(drinks: Registry[Choice]) -> None:
    with pytest.raises(PydanticCustomError, match="name is missing"):
        drinks.validate({"spoons": 2})


@pytest.mark.parametrize("value", ["tea", {"name": "tea"}, Tea()])
def test_a_name_a_mapping_and_a_choice_mean_the_same(drinks: Registry[Choice], value: object) -> None:
    assert drinks.validate(value) == Tea()


def test_the_module_is_imported_when_first_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_drinks.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lazy_drinks", raising=False)
    registry: Registry[Choice] = Registry("drinks", "lazy_drinks")
    registry.register(Tea)
    assert "lazy_drinks" not in sys.modules
    assert list(registry) == ["tea"]
    assert "lazy_drinks" in sys.modules
    del sys.modules["lazy_drinks"]


def test_every_choice_is_stored_by_its_own_name_and_has_words() -> None:
    for registry in REGISTRIES.values():
        assert len(registry) > 0
        for name, choice in registry.items():
            assert choice.model_validate({}).name == name
            assert choice.label
            assert choice.explanation.endswith(".")
