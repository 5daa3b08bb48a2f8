"""Fixtures for every test: an empty home for the program, the real data where there are any, and servers on
loopback.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from desktop_trainer import i18n
from desktop_trainer.runs import retrying

# Before torch is loaded. While another program computes, threads that wait by spinning make a small step take seconds.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def cores() -> int:
    """How many cores this process may use: a container is often given fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # Also before torch: workers must not fight for the cores.
    share = max(1, cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OMP_NUM_THREADS", str(share))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite is shared out among the cores; what is named on the command line runs in this process, at once.

    At most four workers: each loads torch and Qt.
    """
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    return min(cores(), 4) if whole and cores() > 1 else 0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's own folder, new and empty for each test; English; no data folder from the environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DESKTOP_TRAINER_HOME", str(folder))
    monkeypatch.delenv("DESKTOP_TRAINER_DATA", raising=False)
    i18n.set_language("en")
    monkeypatch.setattr(retrying, "PAUSES", ())  # nobody waits for a disk that a test lets fail
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real Fashion-MNIST."""
    folder = os.environ.get("DESKTOP_TRAINER_TEST_DATA")
    if not folder:
        pytest.skip("DESKTOP_TRAINER_TEST_DATA does not name a folder with the real Fashion-MNIST")
    return Path(folder)


@pytest.fixture(scope="session")
def everything() -> dict[str, float]:
    """Every change of augmentation, switched on."""
    return {
        "flip": 0.5,
        "flip_vertical": 0.5,
        "shift": 2,
        "rotation": 30.0,
        "crop": 0.5,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "hue": 0.1,
        "erase": 0.5,
    }


class Answer(BaseHTTPRequestHandler):
    """One request; `Mirror.spoil` decides what is done with it."""

    server: "Mirror"

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        spoilt = self.server.spoilt.get(self.path, [])
        with suppress(ConnectionError):
            (spoilt.pop(0) if spoilt else Answer.whole)(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def body(self) -> bytes:
        """What was asked for, after its head was sent."""
        content = self.server.files.get(self.path)
        if content is None:
            self.begin(404)
            return b""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        if found and start >= len(content):
            self.begin(416)
            return b""
        extent = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if found else {}
        self.begin(206 if found else 200, Content_Length=len(content) - start, **extent)
        return content[start:]

    def whole(self) -> None:
        self.wfile.write(self.body())

    def without_length(self) -> None:
        self.begin(200)
        self.wfile.write(self.server.files[self.path])

    def without_range(self) -> None:
        content = self.server.files[self.path]
        self.begin(200, Content_Length=len(content))
        self.wfile.write(content)

    def cut(self) -> None:
        content = self.body()
        self.wfile.write(content[: len(content) // 2])

    def cut_without_length(self) -> None:
        self.begin(200)
        self.wfile.write(self.server.files[self.path][:1000])

    def corrupt(self) -> None:
        content = bytearray(self.body())
        content[len(content) // 2] ^= 1
        self.wfile.write(content)

    def forbid(self) -> None:
        self.send_error(403)

    def fail(self) -> None:
        self.send_error(500)

    def page(self) -> None:
        self.begin(200, Content_Type="text/html")
        self.wfile.write(b"\n<!DOCTYPE html><html>Please log in</html>")

    def nothing(self) -> None:
        self.begin(200, Content_Length=0)

    def other_part(self) -> None:
        self.begin(206, Content_Range="bytes 7-9/10", Content_Length=3)
        self.wfile.write(b"abc")

    def endless(self) -> None:
        self.begin(200)
        while True:
            self.wfile.write(self.server.files[self.path])

    def hang_up(self) -> None:
        self.connection.close()

    def stall(self) -> None:
        content = self.body()
        self.wfile.write(content[: len(content) // 2])
        self.server.released.wait()

    def never_answer(self) -> None:
        self.server.released.wait()

    def drip(self) -> None:
        for byte in self.body():
            self.wfile.write(bytes([byte]))
            if self.server.released.wait(0.02):
                break

    def to_a_file(self) -> None:
        self.begin(302, Location="file:///etc/hostname")

    def to_elsewhere(self) -> None:
        self.begin(302, Location="/elsewhere" + self.path)


class Mirror(ThreadingHTTPServer):
    """Serves `files` by path; `spoilt` holds, by path, what to do instead with the next requests."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.spoilt: dict[str, list[Callable[[Answer], None]]] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.connections: list[socket.socket] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def spoil(self, name: str, *how: str) -> None:
        """Answer the next requests for `name` by these methods of `Answer`."""
        self.spoilt["/" + name] = [getattr(Answer, each) for each in how]

    def __enter__(self) -> "Mirror":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.shutdown()
        for each in self.connections:  # A reader that left at a bad moment would be written to for a minute and more.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mirror, Mirror]]:
    """Two servers on loopback. When they are closed, no thread is left that read from them."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("DESKTOP_TRAINER_MIRROR", raising=False)
    with Mirror() as first, Mirror() as second:
        yield first, second
    deadline = time.monotonic() + 10
    readers = [thread for thread in threading.enumerate() if thread.name == "transfer"]
    for reader in readers:
        reader.join(deadline - time.monotonic())
    assert not any(reader.is_alive() for reader in readers)
