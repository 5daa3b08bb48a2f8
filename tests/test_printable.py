"""What a terminal would obey is written as an escape, and nothing else is changed."""

import json

import pytest

from desktop_trainer.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\u001b[2J"),
        ("\x9b31m", r"\u009b31m"),
        ("a\rb\x7f\x07", r"a\u000db\u007f\u0007"),
        ("evil\u202etxt.\u2066", r"evil\u202etxt.\u2066"),
    ],
)
def test_what_is_obeyed_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["", "one\n\ttwo", "批量大小 é 👩\u200d🔬 \xa0", "C:\\u001b"])
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_json_stays_json_with_the_same_values() -> None:
    value = {"name\x9b\u202e": "".join(map(chr, range(0x300)))}
    assert json.loads(printable(json.dumps(value, ensure_ascii=False))) == value
