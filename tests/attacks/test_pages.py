"""Every widget and every name in the address of every page, with hostile values.

The short form tries one value for each; EXPLORER_FUZZ=1000 tries thousands and tells how many.
"""

import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

import gpt
from explorer import classroom, lessons, messages
from explorer.classroom import members, rules, tasks
from explorer.panels import own_text, text
from explorer.runs import labels
from tests.attacks import hostile
from tests.attacks.visiting import FIELD, enter, forged, harm, send, widgets
from tests.pages.bench import Bench, bench  # noqa: F401

PAGES = [*lessons.BY_KEY, "class_page"]
SHORT = ("bigram", "averaging_the_past", "look_inside", "class_page")
MANY = 8 if hostile.WHOLE else 1
# What the app itself reads of an address; every widget that is bound to it has its key there too.
NAMES = ("run", "text", "tokenizer", "task", "workspace", "language", "model", "nonsense")
BOUND = (
    "runs",
    "position",
    "head",
    "step",
    "view",
    "text",
    "two",
    "second_of",
    "read",
    "off_heads",
)
# A button trains. A table's state is JSON in a text: Streamlit ends the forger's own page, and only
# that, with an error where it is none; the next true message draws it again.
UNTRIED = {"button", "file_uploader", "dataframe", "data_editor", "arrow_data_frame"}
ANN = members.new_key()


@pytest.fixture
def school(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:  # noqa: F811
    monkeypatch.setattr(classroom, "is_open", lambda: True)
    return bench


class Tally:
    """What was tried and what it reached, to be told at the end."""

    def __init__(self) -> None:
        self.tried, self.slowest, self.reached = 0, (0.0, ""), list[str]()

    def note(self, what: str, seconds: float, found: list[str]) -> None:
        self.tried += 1
        self.slowest = max(self.slowest, (seconds, what))
        if seconds > hostile.SLOWEST:
            found = [*found, f"took {seconds:.1f} s"]
        self.reached += [f"{what}: {one}" for one in found]

    def settle(self, name: str) -> None:
        print(
            f"TALLY {name}: {self.tried} tried, slowest {self.slowest[0]:.2f} s {self.slowest[1]}"
        )
        assert not self.reached, "\n".join(self.reached)


def values(field: str) -> Iterator[Any]:
    """Hostile values that the protocol can carry in this field of a widget's state."""
    if field == "string_value":
        yield from map(carried, hostile.texts())
    elif field == "string_array_value":
        yield from ([carried(text)] for text in hostile.texts())
        yield from ([], ["a"] * 5000, ["100", "200"])
    elif field == "double_value":
        yield from hostile.NUMBERS
    elif field == "double_array_value":
        yield from ([x] for x in hostile.NUMBERS)
        yield from ([], [1.0, 2.0, 3.0])
    elif field == "json_value":
        yield from map(carried, hostile.forged_json())
    else:
        yield from (True, False)


def carried(text: str) -> str:
    """A text without what no message and no address can hold: half a character."""
    return text.encode(errors="replace").decode()


def some(field: str, seed: int) -> list[Any]:
    """A few of the values, other ones for every seed."""
    known = list(values(field))
    return random.Random(seed).sample(known, min(MANY, len(known)))


@pytest.mark.parametrize("page", PAGES if hostile.WHOLE else SHORT)
def test_no_forged_widget_breaks_a_page(school, page):
    at, tally = enter(page, ANN), Tally()
    for seed, (kind, id) in enumerate(widgets(at)):
        for value in some(FIELD[kind], seed) if kind not in UNTRIED else ():
            what = f"{page} {kind} {id[-30:]} {value!r:.60}"
            try:
                seconds = send(at, forged(id, FIELD[kind], value))
                tally.note(what, seconds, harm(at))
            except RuntimeError as error:
                tally.note(what, 30.0, [str(error)])
            if tally.reached and what in tally.reached[-1]:
                at = enter(page, ANN)
    tally.settle(page)


def addresses(page: str) -> list[tuple[str, str]]:
    """Names in the address of a page, each with hostile values that have room in one."""
    short = [carried(text) for text in (*hostile.MARKUP, *hostile.TEXTS) if len(text) < 6000]
    pairs = []
    at = enter(page, ANN)
    keys = {match[1] for _, id in widgets(at) if (match := re.search(r"-([a-z_0-9]+)$", id))}
    for seed, name in enumerate([*NAMES, *(f"{page}_{b}" for b in BOUND), *sorted(keys)]):
        pairs += [(name, text) for text in random.Random(seed).sample(short, 3)]
    return pairs if hostile.WHOLE else pairs[::12]


@pytest.mark.parametrize("page", PAGES if hostile.WHOLE else ("look_inside",))
def test_no_address_breaks_a_page(school, page):
    tally = Tally()
    for name, value in addresses(page):
        if messages.address(f"x={quote(value)}") == "":
            continue  # a class server takes it out
        at = enter(page, ANN)
        at.query_params[name] = value
        seconds = send(at)
        found = harm(at)
        if at.session_state["workspace key"] != ANN:
            found.append("it changed the workspace")
        tally.note(f"{page} ?{name}={value!r:.60}", seconds, found)
    tally.settle(page)


def test_a_forged_state_cannot_set_what_the_session_remembers(school):
    """A widget's state under the name of a key of the session is no value of that key."""
    at = enter("bigram", ANN)
    at.session_state["bigram.run"] = None
    for name in ("workspace key", "bigram.run", "task", "language", "pasted", "workspace said"):
        send(at, forged(name, "string_value", members.new_key()))
        assert not harm(at)
        assert at.session_state["workspace key"] == ANN


# --- names that others see -------------------------------------------------------------------


def labelled(school: Bench, name: str) -> None:
    """A finished run with this name and group, and its text called so, in Ann's workspace."""
    labels.write(school.store.list()[-1].folder, name=name[:60], group=name[:40])


@pytest.mark.parametrize("page", PAGES if hostile.WHOLE else ("bigram", "generate"))
def test_names_are_shown_letter_by_letter(school, page):
    spec_of = school.train("bigram", "bigram").folder / "run.json"
    spec = json.loads(spec_of.read_text())
    member, tally = members.id_of(ANN), Tally()
    rules.make_teacher(school.store.root, member)
    for markup in hostile.MARKUP[: None if hostile.WHOLE else 4]:
        flat = " ".join(markup.split())
        told = spec | {"learner": member, "corpus": spec["corpus"] | {"name": flat}}
        told["name"] = flat
        spec_of.write_text(json.dumps(told))
        labelled(school, flat)
        members.rename(school.store.root, member, flat[:40])
        task = {"title": flat[:80], "words": markup, "page": "bigram", "text": "copying"}
        code = tasks.save(school.store.root, tasks.from_json(json.dumps(task)))
        at = enter(page, ANN, run=spec_of.parent.name, task=code)
        tally.note(f"{page} called {markup!r:.50}", 0.0, harm(at))
    tally.settle(f"names on {page}")


@pytest.mark.parametrize(
    "name", ["![x](https://evil.example/a.png).txt", "copying", ":red[evil.example].txt"]
)
def test_the_name_of_an_upload_is_shown_letter_by_letter(school, name, monkeypatch):
    lesson = lessons.BY_KEY["text_to_tokens"]
    at = enter("text_to_tokens", ANN)
    said: dict[str, Any] = {}
    monkeypatch.setattr(own_text.st, "session_state", said)
    own_text._use(lesson, lambda: "to be or not to be, that is the question", name)
    kept = dict(said)
    monkeypatch.undo()
    assert kept["text_to_tokens.own_text"][0]
    assert not hostile.alive(kept["text_to_tokens.own_text"][1])
    assert set(kept["pasted"].values()).isdisjoint(gpt.CORPORA)
    assert not at.exception


def test_no_forged_choice_makes_a_task_about_somebody_elses_text(school):
    """The form offers what this session brought; who forges another gets no task, and no text."""
    theirs = school.store.save_text("what a learner wrote, for nobody else " * 9, "diary.txt")
    rules.make_teacher(school.store.root, members.id_of(ANN))
    values = (theirs["sha256"], f"diary.txt ({theirs['sha256'][:6]})", "/etc/passwd")
    for value in (*values, "Toy: copying"):
        at = enter("class_page", ANN)
        ids = {id.rsplit("-", 1)[-1]: id for _, id in widgets(at)}
        send(
            at,
            forged(ids["class_title"], "string_value", "Taken"),
            forged(ids["class_text"], "string_value", value),
            forged(ids["class_make"], "trigger_value", True),
        )
        assert not harm(at)
        assert theirs["sha256"] not in {task.text for task in tasks.every(school.store.root)}
    assert "copying" in {task.text for task in tasks.every(school.store.root)}, "a true one"


def test_no_forged_choice_moves_a_task_away_from_its_teachers_text(school):
    kept = school.store.save_text("what the teacher chose for all of them " * 9, "poem.txt")
    told = {"title": "A", "page": "bigram", "text": kept["sha256"], "text_name": "poem.txt"}
    code = tasks.save(school.store.root, tasks.from_json(json.dumps(told)))
    at = enter("bigram", ANN, task=code)
    ids = {id.rsplit("-", 1)[-1]: id for _, id in widgets(at)}
    send(
        at,
        forged(ids["text"], "string_value", "Toy: copying"),
        forged(ids["bigram_train"], "trigger_value", True),
    )
    assert not harm(at) and at.session_state["text"] == kept["sha256"]
    (run,) = school.store.list()
    assert run.spec()["corpus"]["sha256"] == kept["sha256"]
    at = enter("text_to_tokens", ANN, task=code)
    ids = {id.rsplit("-", 1)[-1]: id for _, id in widgets(at)}
    send(
        at,
        forged(ids["text_to_tokens_paste"], "string_value", "a text of my own, long enough"),
        forged(ids["text_to_tokens_use_paste"], "trigger_value", True),
    )
    assert at.session_state["text"] == kept["sha256"]


def test_a_learner_of_a_class_brings_a_limited_number_of_texts(school, monkeypatch):
    said: dict[str, Any] = {}
    monkeypatch.setattr(text.st, "session_state", said)
    monkeypatch.setattr(text.st, "query_params", {})
    for number in range(text.TEXTS_AT_MOST):
        text.use(f"to be or not to be, {number} is the question", "mine")
    text.use("to be or not to be, 0 is the question", "mine")  # one of them again
    with pytest.raises(gpt.TextError, match="which is the limit"):
        text.use("one text too many for this server", "mine")
    assert len(list((school.store.root / "texts").iterdir())) == text.TEXTS_AT_MOST


UPLOADS = (
    b"", b"\0" * 100, b"\xff\xfe\0", "héllo".encode("utf-16"), b"\x1f\x8b\x08" + b"x" * 100,
    b"PK\x03\x04" + b"x" * 100, b"x" * 20_000_000, b"[" * 50_000, b'{"page": "bigram"}',
    hostile.MARKUP[0].encode() * 20, "\u202e\u0301".encode() * 50,
)  # fmt: skip


@pytest.mark.parametrize("page", ["text_to_tokens", "class_page"])
def test_no_upload_breaks_a_page(school, page):
    rules.make_teacher(school.store.root, members.id_of(ANN))
    tally = Tally()
    places = {"text_to_tokens": ("text_to_tokens_file", "txt")}
    key, ending = places.get(page, ("class_task_file", "json"))
    for number, data in enumerate(UPLOADS if hostile.WHOLE else UPLOADS[::4]):
        at = enter(page, ANN)
        box = next(box for box in at.file_uploader if box.key == key)
        begin = time.perf_counter()
        box.upload(f"{hostile.MARKUP[number % 4]}.{ending}", data, "text/plain").run()
        tally.note(f"{page} upload {data[:20]!r}", time.perf_counter() - begin, harm(at))
    tally.settle(f"uploads on {page}")
