"""Where something changed below a folder, as the system says; it may say too little, and then a rescan finds the rest."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from milvise.errors import MissingExtraError

_DEBOUNCE_MS, _STEP_MS, _TIMEOUT_MS = 400, 50, 500


class Hints:
    """Paths below a folder that changed, collected in a thread.

    Parameters
    ----------
    root : str
        An absolute path.

    Attributes
    ----------
    lost : bool
        Whether something may have changed that no hint tells: the thread began, or ended.
    problem : str
        Why there are no hints, empty where there are.

    Raises
    ------
    MissingExtraError
        If watchfiles is not installed.
    """

    def __init__(self, root: str) -> None:
        try:
            import watchfiles  # noqa: F401
        except ImportError:
            raise MissingExtraError("watching a folder", "watch") from None
        self._root = root
        self._lock = threading.Lock()
        self._paths: dict[str, None] = {}
        self._stop = threading.Event()
        self._of: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self.lost = False
        self.problem = ""

    def take(self) -> list[str]:
        """Return the paths that changed since the last call, relative to the root; begins again where the folder is another one."""
        status = os.stat(self._root)  # noqa: PTH116
        of = status.st_dev, status.st_ino
        if of != self._of or self._thread is None or not (self._thread.is_alive() or self.problem):
            self._begin(of)
        with self._lock:
            paths, self._paths = list(self._paths), {}
        return paths

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, of: tuple[int, int]) -> None:
        self.close()
        self._of, self._stop, self.lost, self.problem = of, threading.Event(), True, ""
        self._thread = threading.Thread(target=self._watch, args=(self._stop,), name="milvise-watch", daemon=True)
        self._thread.start()

    def _watch(self, stop: threading.Event) -> None:
        import watchfiles

        try:
            for changes in watchfiles.watch(
                self._root, watch_filter=None, debounce=_DEBOUNCE_MS, step=_STEP_MS, rust_timeout=_TIMEOUT_MS,
                yield_on_timeout=True, stop_event=stop, raise_interrupt=False, ignore_permission_denied=True,
            ):  # fmt: skip
                with self._lock:
                    for _, path in changes:
                        self._paths[Path(path).relative_to(self._root).as_posix()] = None
        except (OSError, RuntimeError, ValueError) as error:
            # Such as no more watches: there is a limit for each user.
            self.problem = str(error)
        self.lost = True
