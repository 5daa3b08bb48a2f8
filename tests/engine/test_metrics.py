"""Every batch has its record exactly once and in order, wherever the blocks are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Records
from desktop_trainer.engine.metrics import Recorder
from desktop_trainer.engine.training import BLOCK_SECONDS, Training

NEVER = float("inf")
EVERY_BATCH = [(epoch, batch) for epoch in (1, 2) for batch in range(1, 13)]


@pytest.mark.parametrize("block_seconds", [0.0, BLOCK_SECONDS, 1e9, NEVER])
def test_every_batch_has_one_record(small: Any, rows: Any, block_seconds: float) -> None:
    """In order, and a block never spans two epochs: the last batch of each ends one."""
    events = list(Training(small("mlp"), block_seconds=block_seconds).events())
    assert [row[:2] for row in rows(events)] == EVERY_BATCH
    for event in events:
        if isinstance(event, BatchEnded) and event.records is not None:
            assert event.records.epoch == event.epoch
            assert event.records.first + len(event.records) - 1 == event.batch
        elif isinstance(event, BatchEnded):
            assert event.batch < 12


def test_blocks_of_one_and_one_block_an_epoch(small: Any) -> None:
    """The two ends of the setting."""
    sizes = {
        seconds: [
            len(event.records)
            for event in Training(small(), block_seconds=seconds).events()
            if isinstance(event, BatchEnded) and event.records is not None
        ]
        for seconds in (0.0, NEVER)
    }
    assert sizes == {0.0: [1] * 24, NEVER: [12, 12]}


def test_the_numbers_do_not_depend_on_the_blocks(small: Any, rows: Any) -> None:
    """Neither the records nor, to the last bit, the epochs' means: when numbers are read is a matter of chance."""
    runs = [list(Training(small("mlp"), block_seconds=seconds).events()) for seconds in (0.0, BLOCK_SECONDS, NEVER)]
    assert rows(runs[0]) == rows(runs[1]) == rows(runs[2])
    means = [[event.train_loss for event in run if isinstance(event, EpochEnded)] for run in runs]
    assert means[0] == means[1] == means[2]


def test_a_consumer_that_flushes_gets_each_record_once(small: Any, rows: Any) -> None:
    """At every event, also where there is nothing to flush; the epoch's means count them."""
    training = Training(small("mlp"), block_seconds=NEVER)
    plain = list(Training(small("mlp"), block_seconds=NEVER).events())
    seen = []
    for event in training.events():
        seen.append(event)
        if training.started and training.batch % 5 == 0 and (records := training.flush()) is not None:
            seen.append(BatchEnded(records.epoch, training.batch, records))
    assert rows(seen) == rows(plain)
    assert [e.train_loss for e in seen if isinstance(e, EpochEnded)] == [
        e.train_loss for e in plain if isinstance(e, EpochEnded)
    ]


def test_a_record_has_the_batchs_own_numbers() -> None:
    """Two batches by hand: right answers are counted where the largest logit is the label."""
    recorder = Recorder(NEVER)
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]], requires_grad=True)
    recorder.add(torch.tensor(0.5, requires_grad=True), logits, torch.tensor([0, 1, 1]), 0.1, 1.5)
    recorder.add(torch.tensor(2.0), logits[:1], torch.tensor([1]), 0.05, 2.5)
    assert recorder.due(3, 7) is None
    records = recorder.take(3, 7)
    assert records is not None
    assert (records.epoch, records.first, len(records)) == (3, 6, 2)
    assert (records.loss.tolist(), records.seconds.tolist()) == ([0.5, 2.0], [1.5, 2.5])
    assert (records.correct.tolist(), records.count.tolist()) == ([2, 0], [3, 1])
    assert records.lr.tolist() == [np.float32(0.1), np.float32(0.05)]
    assert records.accuracy.tolist() == [2 / 3, 0]
    assert recorder.means() == ((0.5 * 3 + 2.0) / 4, 2 / 4)
    assert recorder.take(3, 7) is None


def test_a_record_takes_at_most_32_bytes() -> None:
    """So that a million batches fit in memory easily."""
    arrays = [np.zeros(1, kind) for kind in (np.float32, np.int32, np.int32, np.float32, np.float64)]
    recorder = Recorder(0.0)
    recorder.add(torch.tensor(1.0), torch.zeros(2, 3), torch.tensor([0, 1]), 0.1, 0.0)
    records = recorder.due(1, 1)
    assert isinstance(records, Records)
    columns = (records.loss, records.correct, records.count, records.lr, records.seconds)
    assert [column.dtype for column in columns] == [array.dtype for array in arrays]
    assert sum(column.nbytes for column in columns) <= 32


def test_what_waits_to_be_read_is_bounded(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two blocks lie as many batches as their time allows; of each its loss and its logits wait, and no
    more of its tensors.
    """
    now = [100.0]

    def tick() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr("desktop_trainer.engine.metrics.perf_counter", tick)
    training, waiting = Training(small(batch_size=10), block_seconds=0.02), []
    for event in training.events():
        if isinstance(event, BatchEnded):
            recorder = training.recorder
            assert all(tensor.untyped_storage().nbytes() <= 8 for tensor in recorder._losses)
            assert all(tensor.numel() <= 10 * 10 and not tensor.requires_grad for tensor in recorder._logits)
            waiting.append(len(recorder._rest))
            assert len(recorder._losses) == len(recorder._logits) == len(recorder._labels) == waiting[-1]
    assert len(waiting) == 2 * 150
    assert max(waiting) == 19


def test_a_block_has_at_most_a_thousand_batches() -> None:
    """However long nobody asks for it: each has its record, and of what waits there is no more."""
    recorder, blocks = Recorder(NEVER), []
    for batch in range(1, 2501):
        recorder.add(torch.tensor(1.0), torch.eye(2), torch.tensor([0, batch % 2]), 0.1, float(batch))
        blocks.append(recorder.due(1, batch))
    taken = [block for block in (*blocks, recorder.take(1, 2500)) if block is not None]
    assert [(block.first, len(block)) for block in taken] == [(1, 1000), (1001, 1000), (2001, 500)]
    assert np.concatenate([block.correct for block in taken]).tolist() == [1 + batch % 2 for batch in range(1, 2501)]


def test_a_record_keeps_no_graph_alive() -> None:
    """What waits to be read does not hold the batch's activations."""
    recorder = Recorder(NEVER)
    weight = torch.ones(3, requires_grad=True)
    logits = weight.expand(2, 3) * 2
    recorder.add(logits.sum(), logits, torch.tensor([0, 1]), 0.1, 0.0)
    assert not any(tensor.requires_grad for tensor in (*recorder._losses, *recorder._logits))
    state = recorder.state()
    assert not any(tensor.requires_grad for tensor in (*state["losses"], *state["corrects"]))
