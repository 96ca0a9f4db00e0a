"""A text being written by a model in a thread: a page looks at it whenever it likes.

Streaming in a thread keeps the page free: its buttons work and its other panels go on. A writing
ends by itself, by `stop()`, or when nobody has looked at it for a while.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

import gpt

SCORES = 2**23  # numbers in the scores that one writing keeps, 32 MB
ABANDONED_AFTER = 20.0  # seconds without a look: its page is gone

_unfinished: "weakref.WeakSet[Writing]" = weakref.WeakSet()


class Writing:
    """Draws `count` tokens after `prompt` and what was drawn already. `text` is all of it, and
    `so_far` that with the newest token, of one moment: a look may come between two tokens.

    drawn: the ids of all that was drawn, to begin with those of the text that is continued. The
    model reads them, and not the text once more: where a character takes several tokens, `text`
    holds an unfinished one back until its last is drawn. tokens: the newest of them, with the
    scores each was drawn from: all, unless the vocabulary is large (of GPT-2 a token is 200 kB).
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompt: str,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        drawn: Sequence[int] = (),
        tokens: "Sequence[gpt.Token]" = (),
    ) -> None:
        self.tokenizer, self.prompt = tokenizer, prompt
        self.drawn, self.tokens = list(drawn), list(tokens)
        self._decode = tokenizer.decoder()
        begun = prompt + "".join(self._decode(i, False) for i in drawn)
        self.so_far: tuple[str, gpt.Token | None] = (begun, None)  # text, newest token: a pair
        self.count, self.done = count, 0
        self.seconds = 0.0
        self.error: str | None = None
        self._stopped = threading.Event()
        self._looked = time.monotonic()
        ids = (tokenizer.encode(prompt, unknown="drop") or [tokenizer.start]) + self.drawn
        self._tokens = gpt.stream(model, tokenizer, ids, count, temperature, top_k, top_p, seed)
        self._thread = threading.Thread(target=self._write, daemon=True)
        _unfinished.add(self)
        self._thread.start()

    @property
    def text(self) -> str:
        return self.so_far[0]

    @property
    def written(self) -> str:
        """What was drawn, without the prompt."""
        return self.text[len(self.prompt) :]

    @property
    def running(self) -> bool:
        """Whether it still writes. Asking counts as looking."""
        self._looked = time.monotonic()
        return self._thread.is_alive()

    @property
    def per_second(self) -> float:
        """Tokens a second so far, the model's work alone."""
        return self.done / self.seconds if self.seconds else 0.0

    def stop(self) -> None:
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is written, at most so long."""
        self._thread.join(seconds)

    def _write(self) -> None:
        try:
            start = time.perf_counter()
            for token in self._tokens:
                token = replace(token, text=self._decode(token.id, False))
                self.drawn.append(token.id)
                self.so_far = self.text + token.text, token
                self.done += 1
                self.tokens.append(token)
                del self.tokens[: -max(1, SCORES // len(token.logits))]
                self.seconds = time.perf_counter() - start
                if self._stopped.is_set() or time.monotonic() - self._looked > ABANDONED_AFTER:
                    return
        except Exception as error:  # told on the page; a thread has nobody else to tell
            self.error = str(error)
        finally:
            _unfinished.discard(self)


@st.cache_resource(max_entries=4, ttl=600, show_spinner=False)
def first_writing(_model: Any, _tokenizer: Any, key: str, count: int) -> Writing:
    """What the model called `key` writes for all who open the app within ten minutes: for each of a
    class of thirty anew, it would be minutes of arithmetic that nobody asked for."""
    return Writing(_model, _tokenizer, "\n", count, 0.8)


@atexit.register
def _end_all() -> None:
    """End what still writes: Python must not go while a thread computes with torch (it aborts)."""
    writings = list(_unfinished)
    for writing in writings:
        writing.stop()
    for writing in writings:
        writing.wait(2.0)
