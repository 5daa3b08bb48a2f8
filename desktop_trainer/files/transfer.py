"""Reads one address in the background, so that whoever waits can give up at any moment."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import Empty, Full, Queue
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from time import monotonic
from typing import IO, Any
from urllib.error import HTTPError, URLError

from desktop_trainer import __version__
from desktop_trainer.i18n import tr

TIMEOUT = 20.0
"""Seconds after which a server that sends nothing, or nearly nothing, is given up."""
SLOWEST = 512
"""Bytes a second below which a server counts as silent."""
_BEAT = 0.2
_PATIENCE = 1.0
_CHUNK = 1 << 16
_RANGE_NOT_SATISFIABLE = 416


class MirrorFailed(Exception):
    """A server did not give what was asked for; the text says why, as the rest of a sentence about the server."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a file, which begin at `offset`; empty if nothing arrived for a moment.

    Attributes:
        total: the size of the whole file, if the server says it.
    """

    data: bytes = b""
    offset: int = 0
    total: int | None = None


class _SameSafety(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.lower().startswith("https://"):
            fp.close()
            raise URLError(tr("it leads from https to the unprotected {address}", address=newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Plain(HTTPConnection):
    """A connection that tells of its socket."""

    def __init__(self, host: str, *, opened: Callable[[socket], None], **options: Any) -> None:
        super().__init__(host, **options)
        self._opened = opened

    def connect(self) -> None:
        super().connect()
        self._opened(self.sock)


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS: it tells of the socket when that is wrapped."""


class _PlainHandler(urllib.request.HTTPHandler):
    def __init__(self, opened: Callable[[socket], None]) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Plain, opened=self._opened), req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, opened: Callable[[socket], None]) -> None:
        super().__init__()
        self._opened = opened

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Secure, opened=self._opened), req)


class Transfer:
    """One attempt to get what is at `url`, from byte `start` on.

    Args:
        timeout: seconds, see `TIMEOUT`. The time in which nobody asks for a piece does not count.
    """

    def __init__(self, url: str, start: int, timeout: float) -> None:
        self._url, self._start, self._timeout = url, start, timeout
        # One item is what was read, what went wrong, or None at the end. A few chunks of reserve are enough.
        self._queue: Queue[Piece | MirrorFailed | None] = Queue(maxsize=8)
        self._given_up = Event()
        self._sockets: list[socket] = []

    def pieces(self) -> Generator[Piece, None, None]:
        """The file in pieces, in order, an empty one when nothing came for a moment. Close it to give up at once.

        The first piece begins at `start`, or at 0 if the server cannot send a part. A connection that is cut ends the
        pieces early: compare with `Piece.total`. There are none at all if the server has nothing beyond `start`.

        Raises:
            MirrorFailed: if the server refuses, breaks or is silent.
        """
        thread = Thread(target=self._read, name="transfer", daemon=True)
        thread.start()
        try:
            yield from self._take()
        finally:
            self._give_up(thread)

    def _give_up(self, thread: Thread) -> None:
        """Wake the thread if it waits for the server. One that is still connecting ends by itself, at the timeout."""
        self._given_up.set()
        for each in self._sockets:
            with suppress(OSError):  # it is closed already
                socket.shutdown(each, SHUT_RDWR)
        thread.join(_PATIENCE)

    def _opened(self, connected: socket) -> None:
        self._sockets.append(connected)
        if self._given_up.is_set():
            raise MirrorFailed(tr("it was given up"))

    def _take(self) -> Generator[Piece, None, None]:
        waited, received = 0.0, 0
        while True:
            began = monotonic()
            try:
                item = self._queue.get(timeout=min(_BEAT, self._timeout / 2))
            except Empty:
                item = Piece()
            waited += monotonic() - began
            if item is None:
                return
            if isinstance(item, MirrorFailed):
                raise item
            received += len(item.data)
            if waited >= self._timeout:
                if received < self._timeout * SLOWEST:
                    raise MirrorFailed(self._silent())
                waited, received = 0.0, 0
            yield item

    def _silent(self) -> str:
        return tr("it sent nothing, or nearly nothing, for {seconds:g} seconds", seconds=self._timeout)

    def _read(self) -> None:
        self._put(self._ending())

    def _ending(self) -> MirrorFailed | None:
        """Hand over what can be read; what then is to be said."""
        try:
            with self._open() as response:
                offset, total = _extent(response, self._start)
                while not self._given_up.is_set() and (data := response.read1(_CHUNK)):
                    self._put(Piece(data, offset, total))
                    offset += len(data)
            return None
        except MirrorFailed as failed:
            return failed
        except HTTPError as error:
            error.close()
            nothing_left = error.code == _RANGE_NOT_SATISFIABLE and self._start > 0
            return (
                None if nothing_left else MirrorFailed(tr("it answered {answer}", answer=f"{error.code} {error.msg}"))
            )
        except TimeoutError:
            return MirrorFailed(self._silent())
        except URLError as error:
            timed_out = isinstance(error.reason, TimeoutError)
            return MirrorFailed(self._silent() if timed_out else str(error.reason))
        except (OSError, HTTPException, ValueError) as error:
            return MirrorFailed(str(error) or type(error).__name__)

    def _open(self) -> Any:
        headers = {"User-Agent": f"desktop-trainer/{__version__}"}
        if self._start:
            headers["Range"] = f"bytes={self._start}-"
        opener = urllib.request.build_opener(_SameSafety, _PlainHandler(self._opened), _SecureHandler(self._opened))
        return opener.open(urllib.request.Request(self._url, headers=headers), timeout=self._timeout)

    def _put(self, item: Piece | MirrorFailed | None) -> None:
        while not self._given_up.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=_BEAT)
                return


def _extent(response: Any, start: int) -> tuple[int, int | None]:
    """Where the answer begins, and how large the whole file is."""
    length = response.headers.get("Content-Length", "")
    if response.status == 200:
        return 0, int(length) if length.isdecimal() else None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if response.status != 206 or not found or int(found[1]) != start:
        raise MirrorFailed(tr("it answered {answer}", answer=f"{response.status} {response.reason}"))
    return start, None if found[2] == "*" else int(found[2])
