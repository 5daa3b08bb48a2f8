"""A scroll area whose content stays where it is under the mouse when something above it grows or goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QWidget
from shiboken6 import isValid

_PASSES = 4
"""Lines that wrap know their height only when they know their width, and a scroll bar that appears changes that."""


class SteadyScrollArea(QScrollArea):
    """Scrolls `column`, a layout of one widget, vertically."""

    def __init__(self, content: QWidget, column: QLayout) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        self._content, self._column = content, column
        self._margins = column.contentsMargins()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """What is done within moves nothing that the mouse is at. Room for that is made, and given up when it
        leaves.
        """
        anchor = self._under_mouse()
        before = 0 if anchor is None else self._top(anchor)
        yield
        for _ in range(_PASSES):
            if anchor is None or not isValid(anchor):
                return
            _lay_out()
            if moved := self._top(anchor) - before:
                self._scroll_by(moved)

    def _scroll_by(self, pixels: int) -> None:
        """Scroll, and where the content has no more to scroll to, give it more."""
        bar = self.verticalScrollBar()
        wanted = bar.value() + pixels
        missing = wanted - bar.maximum()
        if wanted < 0 or missing > 0:
            margins = self._column.contentsMargins()
            margins.setTop(margins.top() + max(0, -wanted))
            margins.setBottom(margins.bottom() + max(0, missing))
            self._column.setContentsMargins(margins)
            _lay_out()
        bar.setValue(max(0, wanted))

    def leaveEvent(self, event: QEvent) -> None:
        """Qt's: nothing has to stay under the mouse any more."""
        super().leaveEvent(event)
        if self._column.contentsMargins() != self._margins:
            self._column.setContentsMargins(self._margins)

    def _under_mouse(self) -> QWidget | None:
        place = self._content.mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(self.viewport().mapFromGlobal(QCursor.pos()))
        return self._content.childAt(place) if inside and self.isVisible() else None

    def _top(self, widget: QWidget) -> int:
        return widget.mapTo(self.viewport(), QPoint(0, 0)).y()


def _lay_out() -> None:
    """Now, not when the events come round."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
