"""Registries: lazy, without duplicates, and helpful about unknown names."""

import sys
import threading
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


@pytest.fixture
def bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of drinks, in which modules can be put."""
    package = tmp_path / "bar"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import threading\nREGISTRY = None\nBEGUN, GO_ON = threading.Event(), threading.Event()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "bar"]:
        monkeypatch.delitem(sys.modules, name)
    return package


DRINK = """
import bar
from typing import Literal
from desktop_trainer.experiment.registry import Choice
@bar.REGISTRY.register
class {name}(Choice):
    name: Literal["{name}"] = "{name}"
    label = "{name}"
"""


def registry_of(package: Path) -> Registry[Choice]:
    import importlib

    registry: Registry[Choice] = Registry("drinks", package.name)
    importlib.import_module(package.name).__dict__["REGISTRY"] = registry
    return registry


def test_a_module_that_fails_is_kept_with_its_error_and_the_others_are_there(bar: Path) -> None:
    (bar / "coffee.py").write_text(DRINK.format(name="coffee") + "raise ZeroDivisionError('no water')")
    (bar / "tea.py").write_text(DRINK.format(name="tea"))
    registry = registry_of(bar)
    assert list(registry) == ["tea"]
    assert isinstance(registry.failed["bar.coffee"], ZeroDivisionError)
    with pytest.raises(PydanticCustomError, match=r"Known are: tea. bar.coffee could not be loaded: .* no water"):
        registry.validate("coffee")


def test_a_package_that_cannot_be_imported_is_tried_again(bar: Path) -> None:
    """It is not remembered as an empty registry."""
    (bar / "tea.py").write_text(DRINK.format(name="tea"))
    registry = registry_of(bar)
    good = sys.modules.pop("bar")
    sys.modules["bar"] = None  # type: ignore[assignment]  # what makes an import fail
    with pytest.raises(ImportError):
        list(registry)
    sys.modules["bar"] = good
    assert list(registry) == ["tea"]


def test_a_second_thread_never_sees_it_half_full(bar: Path) -> None:
    (bar / "coffee.py").write_text(DRINK.format(name="coffee") + "bar.BEGUN.set(); assert bar.GO_ON.wait(30)")
    (bar / "tea.py").write_text(DRINK.format(name="tea"))
    registry = registry_of(bar)
    package = sys.modules["bar"]
    seen: list[list[str]] = []
    threads = [threading.Thread(target=lambda: seen.append(list(registry))) for _ in range(2)]
    threads[0].start()
    assert package.BEGUN.wait(30)
    threads[1].start()
    package.GO_ON.set()
    for thread in threads:
        thread.join(30)
    assert seen == [["coffee", "tea"]] * 2


def test_every_choice_is_stored_by_its_own_name_and_has_words() -> None:
    for registry in REGISTRIES.values():
        assert len(registry) > 0
        for name, choice in registry.items():
            assert choice.model_validate({}).name == name
            assert choice.label
            assert choice.explanation.endswith(".")
