"""A run's name, star and group: plain text, whole or not at all, and in nobody's way."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from explorer.runs import RunBusy, RunStore, labels, states
from explorer.runs.labels import LabelError, Labels


@pytest.fixture
def run(store: RunStore, tools):
    return store.create(tools.describe())


def test_a_run_has_no_labels_until_it_is_given_some(run):
    assert labels.read(run.folder) == Labels(name="", star=False, group="")
    assert not (run.folder / labels.FILE).exists()


def test_what_is_given_is_kept_beside_run_json_and_the_rest_stays(run):
    labels.write(run.folder, name="my first")
    labels.write(run.folder, star=True)
    assert labels.write(run.folder, group="seeds") == Labels("my first", True, "seeds")
    kept = json.loads((run.folder / "labels.json").read_text())
    assert kept == {"version": 1, "name": "my first", "star": True, "group": "seeds"}
    assert labels.write(run.folder, name="", star=False) == Labels(group="seeds")


def test_the_workers_files_are_left_alone(run):
    before = {f.name: f.read_bytes() for f in run.folder.iterdir()}
    with run.owned():  # it trains: its owner writes the status, a page may name it all the same
        labels.write(run.folder, name="training")
    assert {n: (run.folder / n).read_bytes() for n in before} == before


@pytest.mark.parametrize(
    "text, kept",
    [
        ("  spaces \t around ", "spaces around"),
        ("two\nlines", "two lines"),
        ("**bold** <b>html</b> $x$ :red[x]", "**bold** <b>html</b> $x$ :red[x]"),
        ("größer 模型 🙂", "größer 模型 🙂"),
        ("x" * 60, "x" * 60),
    ],
)
def test_a_name_is_one_line_of_plain_text(run, text, kept):
    assert labels.write(run.folder, name=text).name == kept
    assert labels.read(run.folder).name == kept


@pytest.mark.parametrize(
    "text, said",
    [
        ("x" * 61, "at most 60 characters, this one has 61"),
        ("a\x00b", "U+0000"),
        ("a\u202eb", "U+202E"),  # turns the rest of the line around
        ("a\ud800b", "U+D800"),  # half a character
    ],
)
def test_a_bad_name_is_refused_in_one_sentence_and_changes_nothing(run, text, said):
    labels.write(run.folder, name="good", group="kept")
    with pytest.raises(LabelError, match=said.replace("+", r"\+")) as refused:
        labels.write(run.folder, name=text)
    assert str(refused.value).count(". ") == 0
    assert labels.read(run.folder) == Labels("good", False, "kept")


@pytest.mark.parametrize(
    "content",
    [b"", b"[1]", b'{"name": 7, "star": "yes", "group": null}', b'{"name": "' + b"x" * 99 + b'"}'],
)
def test_a_damaged_or_foreign_file_counts_as_no_labels(run, content):
    (run.folder / labels.FILE).write_bytes(content)
    assert labels.read(run.folder) == Labels()


def test_many_sessions_lose_no_change(run):
    changes = [{"name": "n"}, {"star": True}, {"group": "g"}] * 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda change: labels.write(run.folder, **change), changes))
    assert labels.read(run.folder) == Labels("n", True, "g")
    assert not list(run.folder.glob(".labels*"))


def test_a_run_that_is_gone_cannot_be_named(store, run):
    store.delete(run.id)
    with pytest.raises(LabelError, match="may have been deleted"):
        labels.write(run.folder, name="late")
    assert store.list() == []


def test_a_star_protects_from_deletion(store, run):
    labels.write(run.folder, star=True)
    with pytest.raises(LabelError, match="take its star away"):
        store.delete(run.id)
    labels.write(run.folder, star=False)
    store.delete(run.id)
    assert store.list() == []


@pytest.mark.parametrize("state", [states.QUEUED, states.SUSPENDED])
def test_a_run_that_waits_for_its_turn_is_not_deleted(store, run, state):
    with run.owned():
        run.set_status(state=state)
    with pytest.raises(RunBusy, match="stop it first"):
        store.delete(run.id)
    assert [r.id for r in store.list()] == [run.id]
