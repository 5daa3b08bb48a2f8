"""Draws results: bars of what each contender took, and the frame times. Needs Qt; knows no file."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator

from desktop_trainer.benchmark.measure import spread
from desktop_trainer.benchmark.results import Results
from desktop_trainer.i18n import titled, tr
from desktop_trainer.ui.app import create_application

_WIDTH, _HEIGHT, _NAMES = 1000, 240, 240
_BAR, _INK, _PAPER = "#3574b8", "#222222", "#ffffff"


def plot_bytes(results: Results, suffix: str) -> bytes:
    """A picture of the results, as the content of a ``.png`` or an ``.svg`` file."""
    create_application()
    layout = pg.GraphicsLayoutWidget(show=False)
    layout.setBackground(_PAPER)
    for work in results.training:
        _add_bars(layout.addPlot(), results, work)
        layout.nextRow()
    if results.frames:
        _add_frames(layout.addPlot(), results)
    layout.resize(_WIDTH, _HEIGHT * (len(results.training) + bool(results.frames)) or _HEIGHT)
    layout.ensurePolished()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if suffix == ".svg":
        _write_svg(layout, buffer)
    else:
        layout.grab().save(buffer, "PNG")
    layout.close()
    layout.deleteLater()
    return bytes(buffer.data().data())


def _write_svg(layout: pg.GraphicsLayoutWidget, buffer: QBuffer) -> None:
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(layout.size())
    generator.setViewBox(layout.rect())
    painter = QPainter(generator)
    layout.render(painter)
    painter.end()


def _add_bars(plot: pg.PlotItem, results: Results, work: str) -> None:
    """A bar a contender that was timed: seconds of an epoch with its test pass, of those that have none the
    training part.
    """
    names, spreads = [], []
    for contender, parts in results.training[work].items():
        if "training" not in parts:
            continue
        part = "epoch" if "epoch" in parts else "training"
        remark = "" if part == "epoch" else " (" + tr("training part") + ")"
        names.append(tr(contender) + remark)
        spreads.append(spread(parts[part]))
    places = -np.arange(len(names), dtype=float)
    medians = np.array([each.median for each in spreads])
    plot.addItem(pg.BarGraphItem(x0=0, y=places, width=medians, height=0.6, brush=_BAR, pen=_BAR))
    ends = [np.array([getattr(each, end) for each in spreads]) for end in ("least", "most")]
    for place, low, high in zip(places, *ends, strict=True):
        plot.plot([low, high], [place, place], pen=pg.mkPen(_INK, width=2))
    _dress(plot, titled(work, tr(results.titles[work])), tr("Seconds"))
    left = plot.getAxis("left")
    left.setTicks([list(zip(places, names, strict=True))])
    left.setWidth(_NAMES)
    left.setStyle(hideOverlappingLabels=False)
    plot.setXRange(0, float(ends[1].max()) * 1.05)


def _add_frames(plot: pg.PlotItem, results: Results) -> None:
    counts = list(results.frames)
    medians = [1000 * spread(results.frames[count]).median for count in counts]
    plot.setLogMode(x=True)
    plot.plot(counts, medians, pen=pg.mkPen(_BAR, width=2), symbol="o", symbolBrush=_BAR, symbolPen=None)
    _dress(plot, tr("Time of a frame"), tr("Records"))
    plot.setLabel("left", tr("Milliseconds"))
    plot.getAxis("left").setWidth(_NAMES)
    plot.getAxis("bottom").setTicks([[(float(np.log10(count)), f"{count:,}".replace(",", " ")) for count in counts]])
    plot.setYRange(0, max(medians) * 1.1)


def _dress(plot: pg.PlotItem, title: str, below: str) -> None:
    plot.setTitle(title, color=_INK)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
        plot.getAxis(side).setPen(_INK)
        plot.getAxis(side).setTextPen(_INK)
    plot.setLabel("bottom", below)
