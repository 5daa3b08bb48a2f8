"""The command line in Chinese, argparse's own words too."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_trainer import i18n
from desktop_trainer.cli import main
from desktop_trainer.cli.text_table import width, wrapped
from desktop_trainer.runs.files import save_failed

Captured = pytest.CaptureFixture[str]
CHINESE = ["--language", "zh_CN"]


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["list", "cats"], "参数 kind：没有 'cats' 这一项"),
        (["batches"], "缺少必需的参数：N, --batch-size"),
        (["batches", "9", "--batch-size"], "参数 --batch-size：需要一个值"),
        (["runs", "delete"], "缺少必需的参数：RUN"),
        (["benchmark", "--only"], "参数 --only：至少需要一个值"),
        (["benchmark", "--repeat", "x"], "参数 --repeat：'x' 不是有效的 int 值"),
        (["batches", "9", "--batch-size", "2", "--json=3"], "参数 --json：不接受值 '3'"),
    ],
)
def test_what_argparse_complains_of(argv: list[str], shown: str, capsys: Captured) -> None:
    assert main([*argv[:1], *CHINESE, *argv[1:]]) == 2
    assert f"desktop-trainer: {shown}" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"], ["batches", "--help"]])
def test_help(argv: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the language that is asked for, not in that of the environment; no line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("LANGUAGE", "en")
    assert main([*argv, *CHINESE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("用法：")
    assert "选项：" in lines
    own = [line for line in lines[lines.index("选项：") :] if not line.lstrip().startswith("-")]
    assert [line for line in own if width(line) > 90] == []
    assert [line for line in own if line.endswith(":")] == []


def test_lines_end_between_chinese_characters_but_not_before_their_marks() -> None:
    assert list(wrapped("学习率（learning rate），越大越快。", 10)) == [
        "学习率",
        "（learning",
        "rate），越",
        "大越快。",
    ]
    assert list(wrapped("one two  three", 7)) == ["one two", "three"]
    assert list(wrapped("", 7)) == [""]


def test_sentences_of_an_error_follow_without_a_space() -> None:
    i18n.set_language("zh_CN")
    error = save_failed(Path("文件夹") / "文件", 1, FileNotFoundError(2, "x"))
    assert str(error) == "无法将 文件 保存到 文件夹。没有这个文件夹。请另选一个。"


def test_what_is_wrong_with_a_setting(capsys: Captured) -> None:
    assert main(["train", *CHINESE, "--batch-size", "0"]) == 2
    assert "data.batch_size：“0”太小；最小为 1。" in capsys.readouterr().err
