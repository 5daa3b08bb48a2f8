"""Small images in rows and columns, as large as there is room, each with words beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

_GAP, _BENEATH = 8, 3
"""Pixels between two cells, and between an image and its words."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """An image, uint8 ``(height, width, 3 or 1)``, the words beneath it, and more of them for its tooltip."""

    pixels: NDArray[np.uint8]
    name: str
    details: str


class SampleGrid(QListWidget):
    """Shows tiles so that all of them are in sight. The arrow keys go from one to the next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: Sequence[Tile] = ()
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(_Painter(self))
        self.setMinimumSize(400, 220)

    def show_tiles(self, tiles: Sequence[Tile]) -> None:
        """Show these instead; whoever was at the third stays there."""
        row = max(self.currentRow(), 0)
        self._tiles = tiles
        self.clear()
        for tile in tiles:
            item = QListWidgetItem(tile.name)
            item.setToolTip(tile.details)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, tile.details)
            self.addItem(item)
        self._fit()
        self.setCurrentRow(min(row, len(tiles) - 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: the images grow and shrink with the room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._tiles:
            return
        beneath = self.fontMetrics().height() + _BENEATH
        cell = _cell(len(self._tiles), self.viewport().size(), beneath)
        side = max(min(cell.width(), cell.height() - beneath) - _GAP, 1)
        self.setGridSize(cell)
        for row, tile in enumerate(self._tiles):
            self.item(row).setSizeHint(cell)
            self.item(row).setData(Qt.ItemDataRole.DecorationRole, _pixmap(tile.pixels, side, self.devicePixelRatioF()))


class _Painter(QStyledItemDelegate):
    """Paints an image with its words right beneath it, in the middle of its cell."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's."""
        state, rect, metrics, palette = option.state, option.rect, option.fontMetrics, option.palette
        pixmap, name = index.data(Qt.ItemDataRole.DecorationRole), index.data()
        size = pixmap.deviceIndependentSize().toSize()
        place = QRect(QPoint(), size + QSize(0, _BENEATH + metrics.height()))
        place.moveCenter(rect.center())
        painter.drawPixmap(QRect(place.topLeft() + QPoint((place.width() - size.width()) // 2, 0), size), pixmap)
        words = QRect(rect.left() + 2, place.bottom() - metrics.height() + 1, rect.width() - 4, metrics.height())
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, name)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(palette.color(QPalette.ColorRole.Accent))
            painter.drawRoundedRect(rect.adjusted(1, 0, -2, -1), 4, 4)


def _cell(count: int, room: QSize, beneath: int) -> QSize:
    """The size of a cell, with which `count` images are largest when each has `beneath` pixels of words beneath it."""
    width, height = room.width() - 1, room.height() - 1  # Qt breaks a row that fits exactly

    def size(columns: int) -> QSize:
        return QSize(width // columns, height // -(-count // columns))

    return max(map(size, range(1, count + 1)), key=lambda cell: min(cell.width(), cell.height() - beneath))


def _pixmap(pixels: NDArray[np.uint8], side: int, ratio: float) -> QPixmap:
    """At most `side` high and wide: a small image with whole pixels, so that each can be seen, a larger one
    smoothly.
    """
    height, width, channels = pixels.shape
    kind = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_Grayscale8
    pixmap = QPixmap.fromImage(QImage(pixels.tobytes(), width, height, width * channels, kind))
    most = round(side * ratio)
    if zoom := most // max(height, width):
        pixmap = pixmap.scaled(width * zoom, height * zoom)
    else:
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        pixmap = pixmap.scaled(most, most, keep, smooth)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
