"""The Chinese catalogue is whole: every text that `tr` or `mark` names is there, with its placeholders and
mnemonics.
"""

import ast
import gettext
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from desktop_trainer import folders, i18n
from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.engine.lines import epoch_line
from desktop_trainer.experiment.choices import REGISTRIES
from desktop_trainer.experiment.fields import Setting, settings_of, with_value
from desktop_trainer.experiment.recipes import texts
from desktop_trainer.i18n import tr

PACKAGE = Path(i18n.__file__).parent
PO = folders.resources() / "i18n" / "zh_CN" / "LC_MESSAGES" / f"{i18n.DOMAIN}.po"

NAMES = {
    "Adam",
    "AdamW",
    "Beta 1",
    "Beta 2",
    "CIFAR-10",
    "Fashion-MNIST",
    "KMNIST",
    "LeNet",
    "MB",
    "MNIST",
    "MobileNetV3-small",
    "ResNet-18",
    "SGD",
}
"""Proper names and units, which every language leaves as they are."""

EVERYDAY = {
    "Data folder",
    "Folder",
    "Memory limit",
    "Parts of a batch",
    "Save at batches",
    "Save at epochs",
    "Save every",
    "Share for the test",
}
"""Labels that are no terms of the field, so that nobody would search for the English word."""


BANNED = {
    "丢弃率|丢弃（dropout": "暂退",
    "标准化|归一化": "规范化",
    "普通循环": "朴素循环",
    "图像尺寸": "图像大小",
    "捷径": "残差连接",
    "您": "no word at all",
    "最好": "最佳",
    "批量 batch(es)?$": "批次",
    "轮 epoch": "轮次",
    "(训练|测试|最终) (acc|loss)": "准确率, 损失",
    r"\d %": "2%",
}
"""What is called otherwise, as in Dive into Deep Learning, and by what."""


@cache
def calls() -> list[tuple[Path, ast.Call]]:
    """Every call of `tr`, `trn` and `mark`, with its file; inside an f-string, too, where other tools do not look."""
    return [
        (path, node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn", "mark")
    ]


def words_of(call: ast.Call) -> list[ast.expr]:
    """What a call names to be translated: of `trn` the singular and the plural."""
    return call.args[: 2 if isinstance(call.func, ast.Name) and call.func.id == "trn" else 1]


def constants(pattern: str = "*.py") -> set[str]:
    """The texts in the files that `pattern` matches; of two forms the plural."""
    found = (words_of(call)[-1] for path, call in calls() if path.match(pattern))
    return {text.value for text in found if isinstance(text, ast.Constant) and isinstance(text.value, str)}


def plurals() -> set[tuple[str, str]]:
    """Singular and plural, where a count decides."""
    pairs = (words_of(call) for _, call in calls())
    return {(ast.literal_eval(pair[0]), ast.literal_eval(pair[1])) for pair in pairs if len(pair) == 2}


def messages() -> set[str]:
    """Every text that can be asked for."""
    return constants() | set(texts())


@cache
def entries() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The catalogue: English and Chinese, each with its forms."""
    with PO.open("rb") as file:
        return [(_forms(each.id), _forms(each.string or "")) for each in read_po(file, "zh_CN") if each.id]


def _forms(text: str | Sequence[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@cache
def chinese() -> dict[str, str]:
    """The catalogue, by English text; of two forms by the plural, because Chinese has but one."""
    return {english[-1]: text[-1] for english, text in entries()}


def all_settings() -> Iterator[Setting]:
    """Every setting, whatever is chosen."""
    for choice in settings_of({}):
        for name in choice.registry or ():
            yield from settings_of(with_value({}, choice.path, name))


def placeholders(text: str) -> list[str]:
    """What is filled in, with its format, and Qt's own such as ``%p``."""
    fields = [(name, conversion, spec) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    return sorted({*map(str, fields), *re.findall(r"%(?:\(\w+\)[rs]|[rs]\b|[pvm]%?)", text)})


def mnemonic(text: str) -> str:
    """The letter after the single ``&``, in upper case, or empty."""
    found = re.findall("&(.)", text)
    assert len(found) <= 1, text
    return "".join(found).upper()


def test_every_text_is_translated_and_nothing_else_is() -> None:
    assert sorted(messages() - {key for key, text in chinese().items() if text}) == []
    assert sorted(chinese().keys() - messages()) == []


def test_a_text_to_translate_is_written_where_it_is_asked_for() -> None:
    """A text that is put together before `tr` sees it would never be found."""
    for path, call in calls():
        words = words_of(call)
        marked = isinstance(words[0], ast.Name | ast.Attribute | ast.Subscript)
        asked = isinstance(call.func, ast.Name) and call.func.id == "tr"
        constant = all(isinstance(word, ast.Constant) for word in words)
        assert constant or (marked and asked), f"{path}:{call.lineno}"


def test_two_forms_are_one_entry() -> None:
    """The singular fills in nothing that the plural does not; Chinese has one form for both."""
    assert {english for english, _ in entries() if len(english) == 2} == plurals()
    for english, text in entries():
        assert len(text) == 1, english
        assert set(placeholders(english[0])) <= set(placeholders(english[-1])), english


def test_all_that_the_form_shows_is_marked_or_a_proper_name() -> None:
    choices = [choice for registry in REGISTRIES.values() for choice in registry.values()]
    shown = {text for item in choices for text in (item.label, item.explanation)}
    shown |= {text for item in all_settings() for text in (item.label, item.explanation, item.unit)}
    assert shown - messages() - {""} == NAMES


def test_placeholders_are_the_same() -> None:
    for english, text in chinese().items():
        assert placeholders(text) == placeholders(english), english


def test_the_catalogue_is_compiled() -> None:
    """Else run: pybabel compile -d resources/i18n -D desktop_trainer."""
    with PO.open("rb") as file:
        catalog: Catalog = read_po(file, "zh_CN")
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    buffer.seek(0)
    compiled = gettext.GNUTranslations(buffer)
    shipped = gettext.translation(i18n.DOMAIN, folders.resources() / "i18n", ["zh_CN"])
    for english, _ in entries():
        if len(english) == 1:
            assert shipped.gettext(english[0]) == compiled.gettext(english[0])
    for one, more in plurals():
        for count in (1, 2):
            assert shipped.ngettext(one, more, count) == compiled.ngettext(one, more, count) == chinese()[more]
    assert PO.with_suffix(".mo").stat().st_size > 0


def test_a_term_of_the_field_keeps_its_english_word() -> None:
    """So that a learner can search for help with it."""
    for label in {item.label for item in all_settings()} - NAMES - EVERYDAY:
        for word in label.casefold().split():
            assert word in chinese()[label].casefold()


def test_chinese_has_its_own_punctuation() -> None:
    for text in chinese().values():
        assert not re.search(r"[\u4e00-\u9fff][,;:?!]|[\u4e00-\u9fff]\.(?!\w)|\.\.\.", text), text


def test_chinese_marks_bring_their_own_room() -> None:
    """No space stands beside one; behind a colon that ends an English word, neither."""
    for text in chinese().values():
        assert not re.search(r" [，。；：？！、（）”]|[，。；：？！、（）“] ", text), text
        assert not re.search(r"\w[;:] ", text), text


def test_translated_texts_are_put_together_by_i18n() -> None:
    """An f-string would write an English colon, comma or space between them; `titled`, `listed` and `joined` do not."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                for text, mark in pairwise(node.values):
                    between = mark.value if isinstance(mark, ast.Constant) else ""
                    assert not (_is_translated(text) and str(between)[:1] in (":", ",", ".", ";")), (
                        f"{path}:{node.lineno}"
                    )


def _is_translated(part: ast.expr) -> bool:
    call = part.value if isinstance(part, ast.FormattedValue) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("tr", "trn")


@pytest.mark.parametrize(("banned", "instead"), BANNED.items(), ids=BANNED)
def test_a_thing_has_one_name(banned: str, instead: str) -> None:
    assert [text for text in chinese().values() if re.search(banned, text)] == [], f"say {instead}"


def test_a_label_is_that_of_a_class_and_a_run_has_tags() -> None:
    for english, text in chinese().items():
        assert ("标签" in text) == ("label" in english.casefold()), text
        assert ("标记" in text) == bool(re.search(r"\btags?\b|Tags|words (of your own|for)", english, re.IGNORECASE)), (
            text
        )


def test_an_epoch_has_its_number_and_its_english_word_in_the_log() -> None:
    i18n.set_language("zh_CN")
    ended = EpochEnded(1, 0.5, 0.8, 0.6, 0.7, 2.0, 100.0)
    assert epoch_line(ended, "cpu").startswith("第 1 轮（epoch 1），损失 loss 0.5000，")


def test_mnemonics_stay_at_the_same_letter() -> None:
    """Chinese writes it behind the word, before the ellipsis: ``打开模型(&O)…``."""
    for english, text in chinese().items():
        ellipsis = "…" if english.endswith("…") else ""
        assert text.endswith("…") == bool(ellipsis), english
        if mnemonic(english):
            assert text.endswith(f"(&{mnemonic(english)}){ellipsis}"), english
        else:
            assert not mnemonic(text), english


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_a_mnemonic_means_one_entry_of_its_menu(language: str) -> None:
    pytest.importorskip("PySide6")
    from desktop_trainer.ui.actions import MENUS, ROWS
    from desktop_trainer.ui.runs import actions as run_actions

    i18n.set_language(language)
    menus: dict[str, Iterable[str]] = {
        name: {row.text for row in ROWS if row.menu == name and row.verb} for name in MENUS
    }
    menus["run"] = {*menus["run"], *constants("ui/live/controls.py")}
    menus["of the runs"] = {row.text for row in run_actions.ROWS if row.verb}
    menus |= {"bar": MENUS.values(), "theme": constants("ui/look_menus.py")}
    for name, entries in menus.items():
        letters = [letter for text in entries if (letter := mnemonic(tr(text)))]
        assert len(letters) == len(set(letters)), f"{name}: {letters}"
        assert letters, name
