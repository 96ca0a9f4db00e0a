"""All runs judged alike: by the server, on the same stretch of the same text, in bits a character.

A learner's own numbers cannot be compared when texts, tokens or settings of the measurement differ,
and a text that holds the validation part would win by having seen the answers. So the server reads
each model's weights and lets it read the end of the class text, on which no run of that text trains
its weights. (Byte pairs are learnt from the whole text, its end included: they may suit it a little
better than they should.) What learned from another text, or without the mask, is left out with a
reason.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import gpt
from explorer import cache
from explorer.history import Entry
from explorer.language import message
from explorer.runs.run import Run

MOST = 1_000  # of the newest runs are judged: each takes up to some seconds of a core
CHARACTERS = 20_000  # at the end of the text, at most; the same for all
SHARE = 0.09  # of the text, at most: a tenth is for validation

OTHER_TEXT = message("learnt from another text")
SAW_ANSWERS = message("has no mask: it sees the answers")
NO_MODEL = message("has no model yet")
TOO_SHORT = message("the end of this text is too short for its context")
NOT_READ = message("its model cannot be read")


@dataclass(frozen=True)
class Verdict:
    """bits per character, or why there are none."""

    bits: float | None
    reason: str = ""


def reason_against(entry: Entry, sha256: str) -> str:
    """Why a run is not judged on the text with this SHA-256; "" when it is."""
    if entry.sha256 != sha256:
        return OTHER_TEXT
    if not entry.spec["model"].get("causal", True):
        return SAW_ANSWERS
    if entry.run.checkpoint_path is None:
        return NO_MODEL
    return ""


def judge(run: Run, validation: str) -> Verdict:
    """How many bits a character of `validation` the model of a run would need."""
    import torch

    folder = run.checkpoint_path
    if folder is None:
        return Verdict(None, NO_MODEL)
    try:
        model, tokenizer, _ = gpt.load_checkpoint(folder)
        ids = torch.tensor(tokenizer.encode(validation))
        if len(ids) <= model.config.block_size:  # a window and what comes after it
            return Verdict(None, TOO_SHORT)
        nats = gpt.whole_loss(model, ids)
    except (gpt.GPTError, OSError, RuntimeError):  # RuntimeError: torch has no memory left
        return Verdict(None, NOT_READ)
    # Every window predicts its second to its last token; all are of about the same length in text.
    return Verdict(nats * len(ids) / math.log(2) / len(validation))


class Judging:
    """Judges runs in a thread of its own, one after the other; keeps what it found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], Verdict] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.rounds, self.left = 0, 0

    @property
    def state(self) -> tuple[int, bool]:
        """Another one says that there is news: how many rounds were begun, is one going on?"""
        return self.rounds, self.running

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self, entries: Sequence[Entry], text: cache.Text) -> None:
        """Judge what is new among the runs on this text; does nothing while it is at it."""
        with self._lock:
            if self.running:
                return
            todo = [e for e in entries if self._key(e.run, text) not in self._found]
            self.rounds, self.left = self.rounds + 1, len(todo)
            self._thread = threading.Thread(target=self._work, args=(todo, text), daemon=True)
            self._thread.start()

    def verdicts(self, entries: Sequence[Entry], text: cache.Text) -> dict[str, Verdict]:
        """What is known by now: run id → verdict."""
        known = {e.run.id: self._found.get(self._key(e.run, text)) for e in entries}
        return {run_id: verdict for run_id, verdict in known.items() if verdict is not None}

    def _work(self, entries: list[Entry], text: cache.Text) -> None:
        whole = text.corpus.text
        validation = whole[len(whole) - min(CHARACTERS, int(SHARE * len(whole))) :]
        for entry in entries:
            reason = reason_against(entry, text.corpus.sha256)
            key = self._key(entry.run, text)
            self._found[key] = Verdict(None, reason) if reason else judge(entry.run, validation)
            self.left -= 1

    @staticmethod
    def _key(run: Run, text: cache.Text) -> tuple[str, str, int]:
        folder = run.checkpoint_path
        try:
            changed = cache.changed_in(str(folder)) if folder else 0
        except OSError:  # deleted meanwhile, or damaged
            changed = 0
        return run.id, text.corpus.sha256, changed
