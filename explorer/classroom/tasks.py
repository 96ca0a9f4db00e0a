"""Lesson files: what a teacher hands out by a link, so that a class does the same thing.

A task is one JSON file: a page, a text and its tokens, the preset and the settings to begin with,
which controls are open (all others are locked, "text" and "tokens" too), and what is to be reached.
Kept in `class/tasks/` under a code made from what it says, so a link always means the same task.

    {"version": 1, "title": "How long a memory?", "words": "Find the shortest context that …",
     "page": "self_attention", "text": "python_docs", "tokens": "character",
     "preset": "self_attention", "settings": {"max_steps": 1000}, "open": ["block_size"],
     "checks": [{"measure": "validation loss", "at_most": 2.5}]}

A text of the teacher's own is named by its SHA-256, with "text_name" for what it is called. It lies
in `texts/` beside the runs, where learners' own do; the file does not hold it.

A run that is begun while its learner does a task carries the task's code; only such runs count for
it (see checks.py).
"""

import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gpt
from explorer import controls, lessons
from explorer.classroom.rules import ClassError
from explorer.language import message
from explorer.runs import files
from gpt.toys import TOYS

VERSION = 1
LARGEST = 100_000  # bytes of a file
MOST = 1_000  # tasks on a server
CODE = re.compile(r"[0-9a-f]{12}")
SHA256 = re.compile(r"[0-9a-f]{64}")
TEXTS = ("tinyshakespeare", "python_docs", *TOYS)
TOKENS = re.compile(r"character|bpe-(?:300|512|1024|2048)")
MEASURES = {
    "validation loss": message("validation loss (nats per token)"),
    "training loss": message("training loss (nats per token)"),
    "steps": message("steps trained"),
    "parameters": message("parameters"),
}
CHOSEN_TEXT = ("text", "tokens")  # what a task may leave open besides settings
VOCABULARY = 2048  # tokens, the most that a page offers
MOST_MEMORY = 4_000_000_000  # bytes; each learner's page also builds the model, without training it
LONGEST = {"title": 80, "words": 4_000, "text_name": 255}


@dataclass(frozen=True)
class Check:
    """What is to be reached: a measure of the run within its limits (nats, steps, a number)."""

    measure: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def holds(self, value: float | None) -> bool | None:
        """None while the value is not known."""
        return None if value is None else self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class Task:
    """One lesson file; `settings` are fields of ModelConfig and TrainConfig.

    text: the name of a shipped text, or the SHA-256 of the teacher's own, which `text_name` then
    calls as its chooser does.
    """

    title: str
    page: str
    begins_from: str  # the name of a preset
    words: str = ""
    text: str = "python_docs"
    tokens: str = "character"
    settings: Mapping[str, Any] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    text_name: str = ""

    @property
    def lesson(self) -> lessons.Lesson:
        return lessons.BY_KEY[self.page]

    @property
    def preset(self) -> gpt.Preset:
        """What it begins with; raises gpt.ConfigError when the settings do not fit."""
        return gpt.PRESETS[self.begins_from].with_settings(self.settings)

    def given(self, names: Collection[str]) -> dict[str, Any]:
        """The settings that hold where the controls `names` are drawn: all locked ones, and where
        the open ones among them begin."""
        return {k: v for k, v in self.settings.items() if self.is_locked(k) or k in names}

    def is_locked(self, name: str) -> bool:
        """Whether a control (of a setting, the text or the tokens) is not the learner's to move."""
        return name not in self.open

    def is_about(self, text: gpt.Corpus, tokens: str) -> bool:
        """Whether a run on this text, in such tokens, does what the task says."""
        same = self.text == (text.sha256 if self.text_name else text.name)
        return (not self.is_locked("text") or same) and (
            not self.is_locked("tokens") or tokens == self.tokens
        )

    def to_json(self) -> str:
        checks = [
            {"measure": check.measure}
            | {k: v for k in ("at_least", "at_most") if math.isfinite(v := getattr(check, k))}
            for check in self.checks
        ]
        told = {"version": VERSION, "title": self.title, "words": self.words, "page": self.page}
        told |= {"text": self.text, "tokens": self.tokens, "settings": dict(self.settings)}
        told |= {"open": list(self.open), "checks": checks}
        if self.begins_from != self.lesson.preset:
            told["preset"] = self.begins_from
        if self.text_name:
            told["text_name"] = self.text_name
        return json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True)

    @property
    def code(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


# --- from what somebody gave -----------------------------------------------------------------


def from_json(data: bytes | str) -> Task:
    """The task in a lesson file; raises ClassError with what is wrong and what would be right."""
    if len(data) > LARGEST:
        raise ClassError(f"A lesson file has at most {LARGEST:,} bytes, this one {len(data):,}.")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise ClassError("This is not a lesson file: it is no JSON.") from None
    if not isinstance(told, dict):
        raise ClassError("A lesson file is one JSON object with title, page, settings and more.")
    version = told.get("version", VERSION)
    if version != VERSION:
        raise ClassError(
            f"This lesson file has version {version!r:.20}; this program reads {VERSION}."
        )
    known = {"version", "title", "words", "page", "text", "tokens", "preset", "settings", "open"}
    known |= {"checks", "text_name"}
    if strange := sorted(map(str, told.keys() - known)):
        raise ClassError(
            f"A lesson file has no {strange[0]!r:.40}: use {', '.join(sorted(known))}."
        )
    return _checked(told)


def _checked(told: dict[str, Any]) -> Task:
    page = _one_of("page", told.get("page"), [x.key for x in lessons.LESSONS if x.preset])
    presets = presets_of(page)
    settings, opened = told.get("settings", {}), told.get("open", [])
    if not isinstance(settings, dict):
        raise ClassError('The settings of a lesson file are an object such as {"max_steps": 500}.')
    if not isinstance(opened, list):
        raise ClassError('What is open in a lesson file is a list such as ["max_steps"].')
    tokens = told.get("tokens", "character")
    if not isinstance(tokens, str) or not TOKENS.fullmatch(tokens):
        raise ClassError(f"Tokens are character or bpe-512 and its like, got {tokens!r:.40}.")
    text, text_name = _which_text(told)
    task = Task(
        _text("title", told.get("title", "")),
        page,
        _one_of("preset", told.get("preset", presets[0]), presets),
        _text("words", told.get("words", "")),
        text,
        tokens,
        settings,
        tuple(_one_of("open", name, [*CHOSEN_TEXT, *sorted(_fields())]) for name in opened),
        tuple(map(_check, _list("checks", told.get("checks", [])))),
        text_name,
    )
    try:
        preset = task.preset
    except gpt.GPTError as error:
        raise ClassError(f"The settings of this lesson file do not work: {error}") from None
    if gpt.peak_memory(preset.model, VOCABULARY, preset.train.batch_size) > MOST_MEMORY:
        raise ClassError(
            f"A run of this lesson file would need more than {MOST_MEMORY // 10**9} GB of memory:"
            " make n_layer, n_embd, block_size or batch_size smaller."
        )
    values = preset.model.to_dict() | preset.train.to_dict()
    return replace(task, settings={name: values[name] for name in settings})


def _which_text(told: dict[str, Any]) -> tuple[str, str]:
    """A shipped text and ""; or the SHA-256 of the teacher's own, and what it is called."""
    if "text_name" not in told:
        return _one_of("text", told.get("text", "python_docs"), TEXTS), ""
    text, name = told.get("text"), told["text_name"]
    if not isinstance(text, str) or not SHA256.fullmatch(text):
        raise ClassError(f"A text with a text_name is given by its SHA-256, got {text!r:.40}.")
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= LONGEST["text_name"]
        or not name.isprintable()
        or {"/", "\\"} & {*name}
        or name in gpt.CORPORA  # a page would take that one
    ):
        raise ClassError(
            f"A text is called by one visible line of at most {LONGEST['text_name']} characters,"
            f" which is no path and no shipped text, got {name!r:.40}: rename it."
        )
    return text, name


def presets_of(page: str) -> tuple[str, ...]:
    """What a task of this page may begin from, the usual one first."""
    usual = str(lessons.BY_KEY[page].preset)
    return lessons.LABORATORY if usual == lessons.LABORATORY[0] else (usual,)


def can_open(page: str) -> tuple[str, ...]:
    """What a task of this page (its key) may leave to the learner."""
    return (*CHOSEN_TEXT, *controls.OF_PAGE[page])


def _fields() -> set[str]:
    preset = gpt.PRESETS["gpt_mini"]
    return {*preset.model.to_dict(), *preset.train.to_dict()}


def _check(told: Any) -> Check:
    if not isinstance(told, dict):
        raise ClassError('A check is an object such as {"measure": "steps", "at_least": 500}.')
    measure = _one_of("measure", told.get("measure"), tuple(MEASURES))
    limits = {}
    for name in ("at_least", "at_most"):
        if name in told:
            value = told[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ClassError(f"The limit {name} of a check is a number, got {value!r:.40}.")
            if not math.isfinite(value) or abs(value) > 1e12:
                raise ClassError(
                    f"The limit {name} of a check is a usual number, got {value!r:.40}."
                )
            limits[name] = float(value)
    if not limits:
        raise ClassError("A check needs at_least, at_most, or both.")
    return Check(measure, **limits)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 20:
        raise ClassError(f"The {name} of a lesson file are a list of at most 20.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST[name]:
        raise ClassError(
            f"The {name} of a lesson file are text of at most {LONGEST[name]:,} characters."
        )
    if not all(character.isprintable() or character == "\n" for character in value):
        raise ClassError(f"The {name} of a lesson file hold an invisible character: leave it out.")
    return value.strip()


def _one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if value not in known or not isinstance(value, str):
        raise ClassError(
            f"The {name} {value!r:.40} is not known: use one of {', '.join(known[:60])}."
        )
    return value


# --- kept on the server ----------------------------------------------------------------------


def save(root: Path, task: Task) -> str:
    """Keep a task and return its code; raises ClassError when there are too many, when it opens a
    control that its page has not, and when its text is not here."""
    if strange := sorted({*task.open} - {*can_open(task.page)}):
        raise ClassError(
            f"Page {task.lesson.number} has no control {strange[0]!r:.40} to open: use some of"
            f" {', '.join(can_open(task.page))}."
        )
    if task.text_name:
        try:
            os.utime(root / "texts" / f"{task.text}.txt")  # no cleaning of this moment removes it
        except FileNotFoundError:
            raise ClassError(
                f"The text {task.text_name!r:.60} ({task.text[:6]}) of this task is not on this"
                " server, and a lesson file does not hold it: use the same text on page 1 first."
            ) from None
    folder = root / "class" / "tasks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task.code}.json"
    if not path.exists():
        if len(list(folder.glob("*.json"))) >= MOST:
            raise ClassError(f"There are {MOST:,} lesson files on this server: delete some first.")
        files.write_bytes(path, task.to_json().encode())
    return task.code


def delete(root: Path, code: str) -> None:
    """Forget a task: its link then opens the page alone. Runs made for it stay."""
    if CODE.fullmatch(code):
        (root / "class" / "tasks" / f"{code}.json").unlink(missing_ok=True)


def load(root: Path, code: str) -> Task | None:
    """The task that a link names; None when there is none."""
    if not CODE.fullmatch(code):
        return None
    path = root / "class" / "tasks" / f"{code}.json"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ClassError):
        return None


@functools.lru_cache(maxsize=MOST)
def _read(path: Path, changed: int) -> Task:
    """A page asks for its task many times; `changed` is the file's time of change."""
    return from_json(path.read_bytes())


def by_code(root: Path) -> dict[str, Task]:
    """All tasks on this server: code → task."""
    codes = (path.stem for path in (root / "class" / "tasks").glob("*.json"))
    return {code: task for code in codes if (task := load(root, code))}


def every(root: Path) -> list[Task]:
    """All tasks on this server, by title."""
    return sorted(by_code(root).values(), key=lambda task: task.title.casefold())
