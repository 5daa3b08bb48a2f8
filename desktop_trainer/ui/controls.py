"""Qt's input widgets with manners: text that is wrong stays, scrolling past changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QLocale, QSize, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

_INT32 = 2**31
_FRAME = 8
"""Pixels that the style takes from a combo box beside what it says."""
_PAGE = 10
"""How many steps Qt takes for Page Up."""

if TYPE_CHECKING:
    _Widget = QWidget
    _SpinBox = QAbstractSpinBox
else:
    _Widget = _SpinBox = object


class _Manners(_Widget):
    """Takes the wheel only when it was given the focus, and leaves undo and redo to the window."""

    _chosen = False
    """Whether it was given the focus; the first field of a window that opens has it unasked."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Qt's: that the window has become the active one is no choice of this field."""
        self._chosen |= event.reason() is not Qt.FocusReason.ActiveWindowFocusReason
        super().focusInEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt's: without the focus the wheel scrolls what is around."""
        if self.hasFocus() and self._chosen:
            super().wheelEvent(event)
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        """Qt's: a line edit would claim Ctrl+Z for its own text."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = QKeySequence.StandardKey
            if event.matches(keys.Undo) or event.matches(keys.Redo):
                event.ignore()
                return False
        return super().event(event)


class TextBox(_Manners, QLineEdit):
    """A line of text."""


class PathBox(TextBox):
    """A path: where there is no room for all of it, its end is shown. So is that of the one that holds when it is
    empty.
    """

    _placeholder = ""

    def set_placeholder(self, path: str) -> None:
        """Show `path` in grey while nothing is typed."""
        self._placeholder = path
        self._elide()

    def _elide(self) -> None:
        margins = self.textMargins()
        room = self.contentsRect().width() - margins.left() - margins.right() - 2 * _FRAME
        text = self.fontMetrics().elidedText(self._placeholder, Qt.TextElideMode.ElideLeft, room)
        self.setPlaceholderText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: there is more room, or less."""
        super().resizeEvent(event)
        self._elide()
        if not self.hasFocus():
            self.end(False)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Qt's: it was read and changed from its beginning, perhaps."""
        super().focusOutEvent(event)
        self.end(False)


class ChoiceBox(_Manners, QComboBox):
    """A list to choose from; as wide as the entry that is chosen, whatever the others are."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(9)
        self.currentTextChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """Qt's: with room for what is chosen; in a form, a row that is too narrow for it goes below its label."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        text = QSize(self.fontMetrics().horizontalAdvance(self.currentText()) + _FRAME, 0)
        needed = self.style().sizeFromContents(QStyle.ContentsType.CT_ComboBox, option, text, self)
        return super().sizeHint().expandedTo(QSize(needed.width(), 0))

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return self.sizeHint()

    def showPopup(self) -> None:
        """Qt's: the open list is as wide as its longest entry."""
        view = self.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + 2 * view.frameWidth() + 24)
        super().showPopup()


class _NumberBox(_Manners, _SpinBox):
    """A spin box in which any text may stand: whether it is right is for the experiment to say, so Qt must not mend it.

    The box's own value is the last number that fitted it.
    """

    _wrong: tuple[str, float] | None = None
    """A text that is no such number, and the box's value then."""
    _bounds: Mapping[str, float] = {}
    word = ""
    """What stands for 0, if 0 is not meant as a number."""

    def setup(self, bounds: Mapping[str, float]) -> None:
        """Bound the steps by ``ge``, ``gt``, ``le`` and ``lt``; what is typed is not bounded."""
        self._bounds = bounds
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setLocale(QLocale.c())
        self.setAccelerated(True)
        self.lineEdit().setTextMargins(5, 0, 0, 0)
        self.setMinimumWidth(72)

    def raw(self) -> int | float | str:
        """The number in the box, or its text if it is none."""
        raise NotImplementedError

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Qt's: every text may be typed."""
        return QValidator.State.Acceptable, text, pos

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Qt's: a word is there to be typed over, also after a click."""
        super().focusInEvent(event)
        if self.word and self.lineEdit().text() == self.word:
            QTimer.singleShot(0, self, self.selectAll)

    def shown(self, value: Any) -> str:
        """`value` as it stands in the box."""
        return self.word if self.word and value == 0 else show_number(value)

    def _meant(self, text: str) -> str:
        """`text`, or the number for which it stands."""
        return "0" if self.word and text.strip().casefold() == self.word.casefold() else text.strip()

    def _allowed(self, value: float) -> bool:
        checks: dict[str, Callable[[float], bool]] = {
            "ge": lambda bound: value >= bound,
            "gt": lambda bound: value > bound,
            "le": lambda bound: value <= bound,
            "lt": lambda bound: value < bound,
        }
        return all(checks[name](bound) for name, bound in self._bounds.items())

    def _kept(self, value: float) -> str | None:
        """The wrong text, as long as the box has no other value."""
        return self._wrong[0] if self._wrong and self._wrong[1] == value else None


class IntegerBox(_NumberBox, QSpinBox):
    """A whole number. Up and Down step by 1, Page Up and Page Down by 10, within the bounds."""

    def __init__(self, bounds: Mapping[str, float]) -> None:
        super().__init__()
        self.setRange(-_INT32, _INT32 - 1)
        self.setup(bounds)

    def raw(self) -> int | str:
        """See `_NumberBox.raw`."""
        text = self._meant(self.lineEdit().text())
        try:
            return int(text)
        except ValueError:
            return text

    def valueFromText(self, text: str) -> int:
        """Qt's: the number, or the value as it is if the text is none that fits."""
        try:
            number = int(self._meant(text))
        except ValueError:
            number = _INT32
        if -_INT32 <= number < _INT32:
            self._wrong = None
            return number
        self._wrong = text, self.value()
        return self.value()

    def textFromValue(self, val: int) -> str:
        """Qt's."""
        kept = self._kept(val)
        return self.shown(val) if kept is None else kept

    def stepBy(self, steps: int) -> None:
        """Qt's: step, at most to the bounds."""
        self._wrong = None
        least = int(self._bounds.get("ge", -_INT32))
        most = int(self._bounds.get("le", _INT32 - 1))
        self.setValue(max(least, min(self.value() + steps, most)))


class FloatBox(_NumberBox, QDoubleSpinBox):
    """A number as Python writes it, ``0.1`` or ``1e-3``, never rounded.

    Up and Down change its first digit by 1; Page Up and Page Down multiply and divide by 10.
    """

    def __init__(self, bounds: Mapping[str, float]) -> None:
        super().__init__()
        self.setDecimals(323)  # Qt rounds to so many places: none of a double's digits is lost.
        self.setRange(-1e300, 1e300)
        self.setup(bounds)

    def raw(self) -> float | str:
        """See `_NumberBox.raw`."""
        text = self._meant(self.lineEdit().text())
        number = _finite(text)
        return text if number is None else number

    def valueFromText(self, text: str) -> float:
        """Qt's: the number, or the value as it is if the text is none."""
        number = _finite(self._meant(text))
        if number is not None and abs(number) <= 1e300:
            self._wrong = None
            return number
        self._wrong = text, self.value()
        return self.value()

    def textFromValue(self, val: float) -> str:
        """Qt's: the shortest text that is this number."""
        kept = self._kept(val)
        return self.shown(val) if kept is None else kept

    def stepBy(self, steps: int) -> None:
        """Qt's: step, but not past the bounds."""
        value = stepped(self.value(), steps)
        if self._allowed(value):
            self._wrong = None
            self.setValue(value)


def show_number(value: Any) -> str:
    """The shortest text that is this number: ``0.1``, ``1e-05``, ``12``."""
    return str(value).removesuffix(".0")


def stepped(value: float, steps: int) -> float:
    """`value` with its first digit changed by `steps`, or for a page of steps times or divided by 10; 0 goes to 0.1."""
    number = Decimal(repr(value))
    if number == 0:
        return math.copysign(0.1, steps)
    if abs(steps) == _PAGE:
        return float(number.scaleb(1 if steps > 0 else -1))
    for _ in range(abs(steps)):
        direction = 1 if steps > 0 else -1
        digit = Decimal(1).scaleb(number.adjusted())
        shrinks = (number > 0) != (direction > 0)
        # From 1 down to 0.9, not to 0: the digit before the point is gone then.
        number += direction * (digit / 10 if shrinks and abs(number) == digit else digit)
    return float(number)


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
