"""The gate before the network: one picture at a time goes through it, a few wait, and more are refused.

A network uses all cores by itself: two pictures at once would each take twice as long, and the words that others search for would wait for
both. Refusing early keeps the wait of those who are inside short, and the memory of their uploads bounded.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from milvise.errors import BusyError

Result = TypeVar("Result")


class Gate:
    """A queue of bounded length before one thread; all threads of a service share it.

    Parameters
    ----------
    most_waiting : int
        How many may wait while another one runs.
    patience_s : float
        Who waited so many seconds, running included, is refused too: by then they have mostly gone away.

    Examples
    --------
    >>> gate = Gate(most_waiting=16)
    >>> gate.run(lambda: 6 * 7)
    42
    >>> gate.close()
    """

    def __init__(self, most_waiting: int, patience_s: float = 60.0) -> None:
        self._places = most_waiting + 1
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._inside = 0
        self._refused = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="milvise-inference")

    @property
    def inside(self) -> int:
        """How many run or wait now."""
        return self._inside

    @property
    def refused(self) -> int:
        """How many were refused since the start."""
        return self._refused

    def run(self, function: Callable[[], Result]) -> Result:
        """Return what a function returns, called when its turn comes; the calling thread waits.

        Raises
        ------
        BusyError
            If as many wait as may, or the turn did not come in time.
        """
        # The request's id and who watches its stages go along.
        context = contextvars.copy_context()
        with self._lock:
            if self._inside >= self._places:
                self._refused += 1
                raise BusyError("too many pictures wait for the network. Try again in a moment.")
            try:
                task = self._thread.submit(context.run, function)
            except RuntimeError:
                raise BusyError("the service is stopping.") from None
            self._inside += 1
        # A task that was given up but runs already holds its place until it ends.
        task.add_done_callback(lambda _: self._leave())
        try:
            return task.result(self._patience_s)
        except CancelledError:
            raise BusyError("the service is stopping.") from None
        except TimeoutError:
            if not task.cancel() and task.done():
                # It ended just now, or the function itself raised this.
                return task.result()
            with self._lock:
                self._refused += 1
            raise BusyError("the network is too busy. Try again in a moment.") from None

    def close(self) -> None:
        """End the thread after what runs; what waits is refused."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1


async def gate_of(request: Request) -> Gate:
    """Return the gate of the service that a request came to."""
    gate: Gate = request.app.state.gate
    return gate


Network = Annotated[Gate, Depends(gate_of)]
"""A route that takes a picture from outside names this parameter type, and calls ``network.run(lambda: …)``."""
