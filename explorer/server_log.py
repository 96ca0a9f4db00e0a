"""What a server did, one JSON object a line, for whoever looks after it.

    {"time": "2026-01-31T09:30:00.120+00:00", "level": "info", "event": "run.finished",
     "run": "20260131-092955-…", "workspace": "0a1b…", "reason": "All 500 steps are done."}

The lines go to `server.log` in the folder of the runs, which is begun anew at 5 MB (the five before
it are kept), and on a class server to stderr as well. Only the fields below are ever written, and
each text passes `without_keys`: no workspace key, personal link or teacher's key is in the log.
Python's own `logging` underneath; Streamlit's lines stay on stderr as they are.
"""

import contextlib
import json
import logging
import logging.handlers
import math
import os
import re
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "explorer.server"
FILE = "server.log"
LARGEST = 5_000_000  # bytes of one file
KEPT = 5  # files before the present one
FIELDS = ("run", "workspace", "reason", "error", "where", "step", "left_out")
SELDOM = 60.0  # seconds between two lines of an event that anybody can cause
LONGEST = 500  # characters of one text
PROJECT = Path(__file__).parents[1]
STREAMLIT = "streamlit.error_util"  # the logger to which uncaught errors of pages go
HIDDEN = "[hidden]"

# A key of a workspace, or whatever stands where a personal link or a token has one.
_KEY = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")
_LINK = re.compile(r"(?i)\b(workspace|token|secret|password|code)=[^&\s\"']+")

_log = logging.getLogger(NAME)
_log.addHandler(logging.NullHandler())  # before `begin`: nowhere
_setting = threading.Lock()
_counting = threading.Lock()
_seldom: dict[str, tuple[float, int]] = {}  # event → when it was written last, how often not since


def note(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write one event, such as "run.finished"; fields that are not in FIELDS are a mistake."""
    assert fields.keys() <= set(FIELDS), f"a log has only the fields {', '.join(FIELDS)}"
    _log.log(level, event, extra={"fields": fields})


def note_seldom(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write an event that anybody can cause, once in SELDOM seconds at most: a thousand a minute
    would push all else out of the log. left_out: how many there were since the line before."""
    now = time.monotonic()
    with _counting:
        last, left_out = _seldom.get(event, (-math.inf, 0))
        written = now - last >= SELDOM
        _seldom[event] = (now, 0) if written else (last, left_out + 1)
    if written:
        note(event, level, **fields, left_out=left_out or None)


def note_error(event: str, error: BaseException) -> None:
    """Write an error that nobody expected: what it says, and through which lines it came."""
    note(event, logging.ERROR, error=f"{type(error).__name__}: {error}", where=where(error))


def begin(root: Path, aloud: bool = False) -> None:
    """Write to `root`/server.log from now on, `aloud` to stderr as well."""
    with _setting:
        if not any(isinstance(handler, File) and handler.root == root for handler in _log.handlers):
            _end()
            with contextlib.suppress(OSError):  # said by what needs the folder
                root.mkdir(parents=True, exist_ok=True)
            _log.setLevel(logging.INFO)
            _log.propagate = False
            _add(root, File(root))
            _page_errors.root = root
            logging.getLogger(STREAMLIT).addFilter(_page_errors)
        if aloud and not any(type(handler) is logging.StreamHandler for handler in _log.handlers):
            _add(root, logging.StreamHandler(sys.stderr))


def end() -> None:
    """Write nothing any more."""
    with _setting:
        _end()


def _add(root: Path, handler: logging.Handler) -> None:
    handler.setFormatter(Lines(root))
    _log.addHandler(handler)


def _end() -> None:
    logging.getLogger(STREAMLIT).removeFilter(_page_errors)
    _seldom.clear()
    for handler in list(_log.handlers):
        if not isinstance(handler, logging.NullHandler):
            _log.removeHandler(handler)
            handler.close()


def secrets_of(root: Path) -> tuple[str, ...]:
    """What must never be written, as far as it has no shape of its own: the teacher's key."""
    told = os.environ.get("EXPLORER_TEACHER_KEY", "").strip()
    try:
        kept = (root / "class" / "teacher.key").read_text(encoding="utf-8").strip()
    except OSError:
        kept = ""
    return tuple(key for key in (told, kept) if key)


def without_keys(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` with everything hidden that opens something.

    >>> without_keys("/?workspace=abc&run=7")
    '/?workspace=[hidden]&run=7'
    """
    for known in secrets:
        text = text.replace(known, HIDDEN)
    return _KEY.sub(HIDDEN, _LINK.sub(rf"\1={HIDDEN}", text))


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        for name, value in fields.items():
            if value not in (None, ""):
                line[name] = self._safe(value)
        return json.dumps(line)

    def _safe(self, value: Any) -> Any:
        if isinstance(value, bool | int | float):
            return value
        # Asked anew each time: the teacher's key is made at the first visit.
        return without_keys(str(value), secrets_of(self._root))[:LONGEST]


class File(logging.handlers.RotatingFileHandler):
    """The file on the disk. A full disk, or a folder that was removed, must not stop a server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        path = root / FILE
        super().__init__(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: what cannot be written is lost."""


class PageErrors(logging.Filter):
    """Sees what Streamlit says of an uncaught error of a page: writes one line of it here, and
    hides keys in the traceback that goes to stderr.

    The learner sees neither, but one sentence (`client.showErrorDetails`).
    """

    root = Path()

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            whole = "".join(traceback.format_exception(error)).rstrip()
            record.exc_text = without_keys(whole, secrets_of(self.root))
            note_error("page.error", error)
        return True


_page_errors = PageErrors()


def where(error: BaseException) -> str:
    """The places of this project that an error passed through, innermost first.

    "explorer/cache.py:120 < pages/bigram.py:30"
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PROJECT)]
    places = [
        f"{Path(frame.filename).relative_to(PROJECT).as_posix()}:{frame.lineno}" for frame in own
    ]
    return " < ".join(reversed(places[-5:]))
