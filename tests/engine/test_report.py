"""The lines of a run are the tutorials' lines, to the letter."""

from desktop_trainer.engine.events import EpochEnded, RunEnded
from desktop_trainer.engine.report import end_line, epoch_line


def test_the_epoch_line_is_the_tutorials() -> None:
    event = EpochEnded(3, 0.52521, 0.8049, 0.6, 0.79672, 2.61, 23_100.4)
    assert (
        epoch_line(event, "cpu")
        == "epoch 3, loss 0.5252, train acc 0.805, test acc 0.797, time 2.6 sec, 23 100 examples/sec on cpu"
    )


def test_the_end_says_how_far_it_came_why_and_where_the_model_is() -> None:
    assert end_line(RunEnded("stopped", 1, 7, 2.0)) == "Stopped in epoch 2 after batch 7, 2.0 sec."
    line = end_line(RunEnded("diverged", 0, 3, 1.0, "The loss is NaN.", {"model": "/x/m.safetensors"}))
    assert line == "Diverged in epoch 1 at batch 3, 1.0 sec. The loss is NaN. The model is kept in /x/m.safetensors"
