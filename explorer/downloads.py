"""Texts that are fetched once, in a thread: a page asks how it goes and is never blocked."""

import threading
from dataclasses import dataclass

import gpt


@dataclass
class Download:
    """Where a download stands; `error` is a sentence for a person."""

    done: bool = False
    error: str | None = None


_downloads: dict[str, Download] = {}
_lock = threading.Lock()


def fetch(name: str) -> Download:
    """Begin to fetch the corpus `name` unless that was done already; returns at once."""
    with _lock:
        if name not in _downloads:
            _downloads[name] = Download()
            threading.Thread(target=_run, args=(name, _downloads[name]), daemon=True).start()
        return _downloads[name]


def forget(name: str) -> None:
    """Let the next `fetch` try again."""
    with _lock:
        _downloads.pop(name, None)


def _run(name: str, download: Download) -> None:
    try:
        gpt.load_corpus(name)
    except gpt.GPTError as error:
        download.error = str(error)
    finally:
        download.done = True
