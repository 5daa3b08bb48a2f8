"""The plain loop is measured as its reader runs it: in a process that knows nothing of this program."""

import contextlib
import os
import subprocess
import sys

import psutil
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


def test_it_does_not_outlive_a_benchmark_that_was_killed() -> None:
    """Which could not tell it to end."""
    program = (
        "import os\n"
        "from desktop_trainer.benchmark.own_process import own_process\n"
        "if __name__ == '__main__':\n"
        "    with own_process() as plain:\n"
        "        print(plain._pool.submit(os.getpid).result(), flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == -9
    (pid,) = map(int, done.stdout.split())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
