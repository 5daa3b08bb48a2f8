"""The plain loop is measured as its reader runs it: in a process that knows nothing of this program."""

import os

import pytest

from desktop_trainer import process
from desktop_trainer.benchmark.measure import BenchmarkFailed
from desktop_trainer.benchmark.own_process import own_process
from desktop_trainer.experiment.problems import parse_experiment


def test_the_plain_loop_finds_the_users_own_environment_and_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    process.prepare()
    assert "GOMP_SPINCOUNT" in os.environ
    dataset = {"name": "synthetic", "train_samples": 20, "test_samples": 10, "size": 8, "channels": 1}
    with own_process() as plain:
        assert plain._pool.submit(os.getenv, "GOMP_SPINCOUNT").result() is None
        measured = plain.contender(parse_experiment({"data": {"dataset": dataset, "batch_size": 10}}))()
    assert 0 < measured["training"] < measured["epoch"]


def test_a_process_that_ends_is_said() -> None:
    with own_process() as plain:
        plain._pool.submit(os._exit, 3)
        with pytest.raises(BenchmarkFailed, match="process of the plain loop ended"):
            plain.contender(parse_experiment({}))()
