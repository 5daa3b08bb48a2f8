"""Texts are translated without Qt, and the environment chooses the language."""

import io
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from desktop_trainer import folders, i18n
from desktop_trainer.i18n import joined, listed, titled, tr, trn

VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Chinese catalogue of two sentences."""
    catalog = Catalog("zh_CN")
    catalog.add(("{n} run", "{n} runs"), ("{n} 次训练",))
    catalog.add("{count} samples", "{count} 个样本")
    folder = tmp_path / "resources" / "i18n" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    (folder / f"{i18n.DOMAIN}.mo").write_bytes(buffer.getvalue())
    monkeypatch.setattr(folders, "resources", lambda: tmp_path / "resources")


def test_the_language_can_be_changed_at_any_time(catalogue: None) -> None:
    assert tr("{count} samples", count=3) == "3 samples"
    i18n.set_language("zh_CN")
    assert (i18n.language(), tr("{count} samples", count=3)) == ("zh_CN", "3 个样本")
    i18n.set_language("en")
    assert (i18n.language(), tr("{count} samples", count=3)) == ("en", "3 samples")


def test_the_form_of_a_text_goes_with_its_count(catalogue: None) -> None:
    """English has two forms, Chinese one; a text without translation stays English."""
    told = [trn("{n} run", "{n} runs", count) for count in (0, 1, 2)]
    assert told == ["0 runs", "1 run", "2 runs"]
    i18n.set_language("zh_CN")
    assert [trn("{n} run", "{n} runs", count) for count in (1, 2)] == ["1 次训练", "2 次训练"]
    assert [trn("{a} day", "{a} days", count, a="x") for count in (1, 2)] == ["x day", "x days"]


def test_a_text_without_translation_stays_english(catalogue: None) -> None:
    i18n.set_language("zh_CN")
    assert tr("Not translated: {value!r}", value="x") == "Not translated: 'x'"


def test_an_empty_text_stays_empty(catalogue: None) -> None:
    """gettext would answer with the catalogue's header."""
    i18n.set_language("zh_CN")
    assert tr("") == ""


def test_sentences_are_joined_as_their_language_does() -> None:
    assert joined("It failed.", "", "Try again.") == "It failed. Try again."
    assert joined("失败了。", "请重试。", "It failed.", "请重试。") == "失败了。请重试。It failed. 请重试。"
    assert joined() == ""


def test_colons_and_commas_are_those_of_the_language() -> None:
    assert (titled("Loss", 0.5), listed(["a", "b"])) == ("Loss: 0.5", "a, b")
    i18n.set_language("zh_CN")
    assert (titled("损失", 0.5), listed(["甲", "乙"])) == ("损失：0.5", "甲，乙")


def test_braces_in_values_are_left_alone() -> None:
    assert tr("Read {file}", file="{x}") == "Read {x}"
    assert tr("100 % {of}") == "100 % {of}"


def test_an_unknown_language_is_refused_and_nothing_changes() -> None:
    with pytest.raises(ValueError, match="No language 'xx'; there are en, zh_CN"):
        i18n.set_language("xx")
    assert i18n.language() == "en"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh_CN"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh_CN"),
    ],
)
def test_the_environment_names_the_language(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert i18n.system_language() == language
