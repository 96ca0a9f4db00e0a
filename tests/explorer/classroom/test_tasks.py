"""A lesson file is read strictly: a good one works, everything else is one sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt
from explorer.classroom import tasks
from explorer.classroom.rules import ClassError
from explorer.runs.store import RunStore

GOOD = {
    "version": 1,
    "title": "Does a mask matter?",
    "words": "Train twice.\nLook at the loss.",
    "page": "self_attention",
    "text": "copying",
    "tokens": "character",
    "settings": {"max_steps": 1000},
    "open": ["causal"],
    "checks": [{"measure": "validation loss", "at_most": 2.5}, {"measure": "steps", "at_least": 9}],
}
OWN = gpt.corpus_from_text("Über allen Gipfeln ist Ruh, in allen Wipfeln", "Goethe.txt")
ABOUT_OWN = GOOD | {"text": OWN.sha256, "text_name": OWN.name}


def test_a_good_file_is_kept_and_found_by_its_code(tmp_path):
    task = tasks.from_json(json.dumps(GOOD))
    code = tasks.save(tmp_path, task)
    assert tasks.load(tmp_path, code) == task == tasks.from_json(task.to_json())
    assert tasks.every(tmp_path) == [task]
    assert task.is_locked("max_steps") and not task.is_locked("causal")
    assert [check.holds(2.4) for check in task.checks] == [True, False]


def test_one_thing_said_in_two_ways_is_one_task():
    said = GOOD | {"settings": {"max_steps": "1000"}, "preset": "self_attention"}
    assert tasks.from_json(json.dumps(said)).code == tasks.from_json(json.dumps(GOOD)).code


def test_a_task_keeps_its_text_unless_it_says_otherwise():
    task = tasks.from_json(json.dumps(GOOD))
    copying, other = gpt.load_corpus("copying"), gpt.load_corpus("python_docs")
    assert task.is_about(copying, "character")
    assert not task.is_about(other, "character")
    assert not task.is_about(copying, "bpe-512")
    free = tasks.from_json(json.dumps(GOOD | {"open": ["text", "tokens"]}))
    assert free.is_about(other, "bpe-512")


def test_a_text_of_the_teachers_own_is_known_by_its_hash_alone():
    task = tasks.from_json(json.dumps(ABOUT_OWN))
    assert (task.text, task.text_name) == (OWN.sha256, "Goethe.txt")
    assert tasks.from_json(task.to_json()) == task
    assert task.is_about(gpt.corpus_from_text(OWN.text, "called otherwise"), "character")
    for name in (OWN.name, OWN.sha256):
        assert not task.is_about(gpt.corpus_from_text("another text", name), "character")


def test_a_task_about_a_text_that_is_not_here_is_not_kept(tmp_path):
    task = tasks.from_json(json.dumps(ABOUT_OWN))
    with pytest.raises(ClassError, match=f"'Goethe.txt' .{OWN.sha256[:6]}. .* is not on this"):
        tasks.save(tmp_path, task)
    assert tasks.every(tmp_path) == []
    RunStore(tmp_path).save_text(OWN.text)
    assert tasks.load(tmp_path, tasks.save(tmp_path, task)) == task
    assert OWN.text not in task.to_json()


def test_the_code_of_a_task_about_a_shipped_text_is_what_it_was():
    """Its link has been handed out: what tasks can say besides must not change it."""
    assert tasks.from_json(json.dumps(GOOD)).code == "f5e0072c29b8"


def test_a_task_of_the_laboratory_begins_from_a_recipe_of_its_own():
    told = {"title": "Newer", "page": "train_a_gpt", "preset": "gpt_modern"}
    task = tasks.from_json(json.dumps(told | {"settings": {"n_layer": 2}}))
    modern = gpt.PRESETS["gpt_modern"].model
    assert task.preset.model.positions == modern.positions and task.preset.model.n_layer == 2
    assert tasks.from_json(task.to_json()) == task
    usual = tasks.from_json(json.dumps({"title": "x", "page": "train_a_gpt"}))
    assert usual.begins_from == "gpt_mini" and "preset" not in json.loads(usual.to_json())


def test_what_the_page_has_not_cannot_be_opened(tmp_path):
    """A learner would be told of a control that is not there."""
    task = tasks.from_json(json.dumps(GOOD | {"open": ["n_layer"]}))
    with pytest.raises(ClassError, match="Page 4 has no control 'n_layer'"):
        tasks.save(tmp_path, task)
    assert tasks.every(tmp_path) == []


@pytest.mark.parametrize("code", ["../../x", "", "A" * 12, "0" * 11, "0" * 12])
def test_a_code_leads_nowhere_else(tmp_path, code):
    (tmp_path / "x.json").write_text(json.dumps(GOOD))
    assert tasks.load(tmp_path, code) is None


@pytest.mark.parametrize(
    "change, said",
    [
        ({"page": "home"}, "page 'home'"),
        ({"page": ["bigram"]}, "page"),
        ({"text": "/etc/passwd"}, "text"),
        ({"preset": "gpt_large"}, "preset"),
        ({"tokens": "bpe-999999999"}, "Tokens"),
        ({"settings": {"max_steps": -1}}, "max_steps"),
        ({"settings": {"learning": 1}}, "learning"),
        ({"settings": {"n_layer": [[]]}}, "n_layer"),
        ({"settings": {"n_layer": 10**400}}, "n_layer"),
        ({"open": ["__class__"]}, "open"),
        ({"checks": [{"measure": "luck", "at_most": 1}]}, "measure"),
        ({"checks": [{"measure": "steps", "at_most": float("nan")}]}, "usual number"),
        ({"checks": [{"measure": "steps"}]}, "at_least"),
        ({"title": "x" * 81}, "80"),
        ({"words": "a\u202eb"}, "invisible"),
        ({"version": 99}, "99"),
        ({"settings": {"n_embd": 12288, "block_size": 1024}}, "more than 4 GB"),
        ({"code": "import os"}, "'code'"),
        ({"text": OWN.sha256}, "text"),
        ({"text_name": "Goethe.txt"}, "SHA-256"),
        ({"text": OWN.sha256.upper(), "text_name": "x"}, "SHA-256"),
        ({"text": f"../{OWN.sha256}", "text_name": "x"}, "SHA-256"),
        ({"text": OWN.sha256 + "\n", "text_name": "x"}, "SHA-256"),
        ({"text": [OWN.sha256], "text_name": "x"}, "SHA-256"),
        ({"text": OWN.sha256, "text_name": "copying"}, "rename"),
        ({"text": OWN.sha256, "text_name": "/etc/passwd"}, "rename"),
        ({"text": OWN.sha256, "text_name": "..\\x"}, "rename"),
        ({"text": OWN.sha256, "text_name": "a\u202eb"}, "rename"),
        ({"text": OWN.sha256, "text_name": "x" * 256}, "rename"),
        ({"text": OWN.sha256, "text_name": ""}, "rename"),
        ({"text": OWN.sha256, "text_name": None}, "rename"),
    ],
)
def test_what_is_wrong_is_said(change, said):
    with pytest.raises(ClassError, match=said) as caught:
        tasks.from_json(json.dumps(GOOD | change))
    assert len(str(caught.value)) < 600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*GOOD, "measure", "at_most"]) | st.text(max_size=8), inner
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from([GOOD, ABOUT_OWN]), st.dictionaries(st.sampled_from(sorted(ABOUT_OWN)), JSON)
)
def test_no_json_gets_past_it_as_anything_but_a_task_or_a_sentence(good, change):
    try:
        task = tasks.from_json(json.dumps(good | change))
    except ClassError:
        return
    assert tasks.from_json(task.to_json()) == task


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[" * 50_000, b"{" * 99, b"1" * 200_000, "NaN"]
)
def test_what_is_no_json_is_refused(data):
    with pytest.raises(ClassError):
        tasks.from_json(data)


def test_a_deleted_task_is_gone_and_a_strange_code_deletes_nothing(tmp_path):
    task = tasks.from_json(json.dumps({"title": "Warm up", "page": "bigram"}))
    code = tasks.save(tmp_path, task)
    for strange in ("../rules", "", "x" * 500, f"{code}/../{code}"):
        tasks.delete(tmp_path, strange)
    assert tasks.load(tmp_path, code)
    tasks.delete(tmp_path, code)
    tasks.delete(tmp_path, code)
    assert not tasks.load(tmp_path, code) and not tasks.every(tmp_path)
