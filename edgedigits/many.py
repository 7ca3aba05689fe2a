"""Reading many pictures: framed in threads, answered in batches, in memory that does not grow with their number."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from edgedigits.errors import InputError, PictureError
from edgedigits.framing import Framing
from edgedigits.pictures import Picture
from edgedigits.results import Reading

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from edgedigits.lines import Layout

__all__ = ["read_many"]

P = TypeVar("P", bound=Picture)
Framed: TypeAlias = "Framing | Layout | PictureError"
Pending: TypeAlias = "deque[tuple[P, Future[Framed]]]"

BATCH = 16
"""Most frames that go through the network at once: more gain nothing, and come later."""
MOST_THREADS = 4
"""Threads started where no number is asked for. Each may hold a decoded picture of 64 megapixels."""
QUICK = 0.003
"""Seconds that a picture takes to be read from its file and framed below which threads stand in each other's way."""
PATIENCE = 0.05
"""Seconds that answers wait for others to make a batch with, or for the next picture to come: nobody notices."""


def read_many(
    pictures: Iterable[P],
    frame: Callable[[P], Framing | Layout],
    answer: Callable[[Sequence[Any]], Iterable[Reading]],
    *,
    threads: int | None = None,
) -> Generator[tuple[P, Reading | PictureError], None, None]:
    """Each picture as it was given with its reading, or with the `PictureError` that says why there is none, in order.

    `frame` is called in `threads` threads, without a number as many as this process has cores, at most 4, and for small
    pictures, which gain nothing by threads, in the caller's, as `answer` and the iterator of `pictures` are. Nothing
    starts before the first answer is asked for, and no thread is left when the generator is exhausted or closed. At
    most 16 pictures and two for each thread are taken ahead of their answers, and of an iterator that takes longer over
    a picture than reading it does, none. An error that the iterator raises is raised in its place, after the answers to
    what came before. Raises `InputError` for what is not many pictures, and for fewer threads than one.
    """
    if isinstance(pictures, (str, bytes)):
        raise InputError("one picture is not many: put it into a list, or read it alone")
    try:
        source = iter(pictures)
    except TypeError as error:
        raise InputError(f"a {type(pictures).__name__} is not many pictures: give a list of them") from error
    if threads is not None and threads < 1:
        raise InputError(f"{threads} threads read nothing: give 1 or more")
    return _read(source, frame, answer, threads or min(MOST_THREADS, _usable_cores()))


def _read(
    source: Iterator[P],
    frame: Callable[[P], Framing | Layout],
    answer: Callable[[Sequence[Any]], Iterable[Reading]],
    threads: int,
) -> Generator[tuple[P, Reading | PictureError], None, None]:
    from concurrent.futures import ThreadPoolExecutor

    pending: Pending[P] = deque()
    failure: Exception | None = None
    pool = ThreadPoolExecutor(threads, thread_name_prefix="edgedigits")
    framer = _Framer(frame, pool)
    try:
        since = time.monotonic()
        while True:
            try:
                picture = next(source)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            pending.append((picture, framer.start(picture)))
            waited = time.monotonic() - since
            is_full = len(pending) >= BATCH + 2 * threads
            if is_full or waited >= PATIENCE:
                # A source that is slow is waited for no longer than it took itself: at worst that halves the pace.
                yield from _answered(_take(pending, max(waited, PATIENCE), at_least_one=is_full), answer)
                since = time.monotonic()
        while pending:
            yield from _answered(_take(pending, PATIENCE, at_least_one=True), answer)
    finally:
        pool.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure


class _Framer(Generic[P]):
    """Frames pictures in threads, small ones in the caller's: to change threads for each would take longer."""

    def __init__(self, frame: Callable[[P], Framing | Layout], threads: Executor) -> None:
        self._frame, self._threads = frame, threads
        self._usual = QUICK

    def start(self, picture: P) -> Future[Framed]:
        if self._usual >= QUICK:
            return self._threads.submit(self._run, picture)
        from concurrent.futures import Future

        done: Future[Framed] = Future()
        done.set_result(self._run(picture))
        return done

    def _run(self, picture: P) -> Framed:
        began = time.monotonic()
        try:
            return self._frame(picture)
        except PictureError as error:
            # Without its traceback, through which an error that is kept would keep the file's content and its pixels.
            return PictureError(*error.args)
        finally:
            # A mean that forgets: one picture that the machine kept waiting says nothing of the next.
            self._usual += (time.monotonic() - began - self._usual) / 8


def _take(pending: Pending[P], timeout: float, *, at_least_one: bool) -> list[tuple[P, Framed]]:
    """Take the next batch out: what is framed when all of it is, or when `timeout` seconds have passed."""
    from concurrent.futures import wait

    batch = [future for _, future in islice(pending, BATCH)]
    wait(batch, timeout)
    if at_least_one:
        wait(batch[:1])
    ready: list[tuple[P, Framed]] = []
    while pending and len(ready) < BATCH and pending[0][1].done():
        picture, future = pending.popleft()
        ready.append((picture, future.result()))
    return ready


def _answered(
    batch: list[tuple[P, Framed]], answer: Callable[[Sequence[Any]], Iterable[Reading]]
) -> Iterator[tuple[P, Reading | PictureError]]:
    readings = iter(answer([framed for _, framed in batch if not isinstance(framed, PictureError)]))
    for picture, framed in batch:
        yield picture, framed if isinstance(framed, PictureError) else next(readings)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
