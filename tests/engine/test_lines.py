"""The lines of a run are the tutorials' lines, to the letter."""

from desktop_trainer.engine.events import EpochEnded, RunEnded, RunStarted
from desktop_trainer.engine.lines import end_line, epoch_line, start_line
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.quantities import figure


def test_the_epoch_line_is_the_tutorials() -> None:
    event = EpochEnded(3, 0.52521, 0.8049, 0.6, 0.79672, 2.61, 23_100.4)
    assert (
        epoch_line(event, "cpu")
        == "epoch 3, loss 0.5252, train acc 0.805, test acc 0.797, time 2.6 s, 23 100 samples/s on cpu"
    )


def test_the_start_counts_one_as_one() -> None:
    """And more as more."""
    experiment = parse_experiment({"data": {"batch_size": 2}})
    lines = [
        start_line(experiment, RunStarted(train, test, 1, test, 1, 1, "cpu", 0, "here", 1234, 0, 0))
        for train, test in ((1, 1), (4000, 2))
    ]
    assert (
        "here: 1 training sample in (1 + 2 - 1) // 2 = 1 batch, the last of 1; 1 test sample in 1 batch; 1 234"
        in lines[0]
    )
    assert (
        "4 000 training samples in (4000 + 2 - 1) // 2 = 2000 batches, the last of 1; 2 test samples in 2 batches"
        in lines[1]
    )


def test_the_end_says_how_far_it_came_why_and_where_the_model_is() -> None:
    assert end_line(RunEnded("stopped", 1, 7, 2.0)) == "Stopped in epoch 2 after batch 7, 2.0 s."
    line = end_line(RunEnded("diverged", 0, 3, 1.0, "The loss is NaN.", {"model": "/x/m.safetensors"}))
    assert line == "Diverged in epoch 1 at batch 3, 1.0 s. The loss is NaN. The model is kept in /x/m.safetensors"


def test_a_very_large_loss_is_told_in_few_digits_and_others_with_four_places() -> None:
    assert [figure(value) for value in (0.52521, 99_999.0, 3.21e31, float("nan"), float("inf"))] == [
        "0.5252",
        "99999.0000",
        "3.2e+31",
        "nan",
        "inf",
    ]
    assert "loss 3.2e+31, train acc" in epoch_line(EpochEnded(1, 3.21e31, 0.1, 1.0, 0.1, 1.0, 1.0), "cpu")
