"""A task from the form of its teacher to the pages of those who do it, and back to the board."""

import json

import pytest
from streamlit.testing.v1 import AppTest

import gpt
from explorer import controls, lessons
from explorer.classroom import members, rules, tasks
from explorer.panels import settings
from explorer.runs import states
from tests.pages.bench import by_key, said
from tests.pages.school import ANN, BEN, run_of, sit


def test_a_task_comes_by_link_locks_controls_and_says_what_is_reached(school):
    told = {
        "title": "Half as fast", "words": "Look **closely** <b>here</b>.", "page": "bigram",
        "text": "copying", "settings": {"max_steps": 500, "learning_rate": 0.003},
        "open": ["learning_rate"],
        "checks": [{"measure": "steps", "at_least": 100, "at_most": 700}],
    }  # fmt: skip
    code = tasks.save(school.store.root, tasks.from_json(json.dumps(told)))
    at = sit(school, ANN, "home", task=code)
    at.switch_page("pages/bigram.py").run()
    assert at.session_state["text"] == "copying"
    assert {"Half as fast", told["words"]} <= {t.value for t in at.get("text")}  # not as markup
    sliders = {s.label: s for s in at.select_slider}
    assert sliders["Steps"].value == 500 and sliders["Steps"].disabled
    assert sliders["Learning rate"].value == 0.003 and not sliders["Learning rate"].disabled
    goal = "steps trained: at least 100 · steps trained: at most 700"
    assert any(m.value == f":material/radio_button_unchecked: {goal}" for m in at.markdown)
    by_key(at.button, "bigram_train").click().run()
    run = school.store.list()[-1]
    assert run.spec()["train"]["max_steps"] == 500
    with open(run.folder / "events.jsonl", "a") as events:
        events.write('{"kind": "step", "step": 300, "loss": 2.0}\n')
    run.set_status(state=states.PAUSED, step=300)
    assert any(
        m.value == f":material/check_circle: {goal} · this run: 300" for m in at.run().markdown
    )
    by_key(at.button, "task_leave").click().run()
    assert not {s.label: s for s in at.select_slider}["Steps"].disabled


@pytest.mark.parametrize("code", ["", "0" * 12, "../rules", "<img src=x>"])
def test_a_link_to_no_task_is_an_ordinary_page(school, code):
    at = sit(school, ANN, task=code)
    assert not at.exception and "task" not in at.query_params


def test_a_teacher_makes_a_task_by_the_form_and_every_slip_is_a_sentence(school):
    at = sit(school, BEN, "class_page")
    by_key(at.text_input, "class_key").set_value(rules.teacher_key(school.store.root)).run()
    by_key(at.button, "class_make").click().run()
    assert [e.value for e in at.error] == ["A task needs a title."]
    by_key(at.text_input, "class_title").set_value("Warm up").run()
    by_key(at.text_input, "class_settings").set_value("max_steps=fast").run()
    by_key(at.button, "class_make").click().run()
    assert "max_steps" in at.error[0].value and not tasks.every(school.store.root)
    by_key(at.text_input, "class_settings").set_value("max_steps=700").run()
    by_key(at.button, "class_make").click().run()
    (task,) = tasks.every(school.store.root)
    assert task.preset.train.max_steps == 700
    assert any(f"?task={task.code}" in c.value for c in at.code)


def teach(school, key: str = BEN) -> AppTest:
    """The board as a teacher's browser has it."""
    rules.make_teacher(school.store.root, members.id_of(key))
    return sit(school, key, "class_page")


def a_task(school, **told) -> str:
    """The code of a task that is handed out."""
    told = {"title": "Warm up", "page": "bigram", "text": "copying"} | told
    return tasks.save(school.store.root, tasks.from_json(json.dumps(told)))


@pytest.mark.parametrize("page", [x.key for x in lessons.LESSONS if x.preset])
def test_a_task_may_open_just_the_controls_that_its_page_draws(school, page, monkeypatch):
    drawn = []
    draw = settings._draw
    monkeypatch.setattr(
        settings, "_draw", lambda key, name, *more: drawn.append(name) or draw(key, name, *more)
    )
    sit(school, ANN, page)
    assert set(drawn) == set(controls.OF_PAGE[page])
    assert len(set(controls.OF_PAGE[page])) == len(controls.OF_PAGE[page])


def test_a_task_keeps_its_text_on_every_page(school):
    at = sit(school, ANN, task=a_task(school, text="sorting"))
    for page in ("bigram", "text_to_tokens"):
        at.switch_page(f"pages/{page}.py").run()
        for key in ("text", "tokenizer"):
            assert by_key(at.sidebar.selectbox, key).disabled
            assert "Warm up" in by_key(at.sidebar.selectbox, key).help
        at.session_state["text"] = "python_docs"  # as a forged message of the browser says
        at.run()
        assert at.session_state["text"] == "sorting"
    assert all(b.disabled for b in at.button if "_toy_" in str(b.key))
    at.switch_page("pages/bigram.py").run()
    by_key(at.button, "task_leave").click().run()
    assert not by_key(at.sidebar.selectbox, "text").disabled


POEM = "Über allen Gipfeln ist Ruh, in allen Wipfeln spürest du kaum einen Hauch.\n" * 40


def a_poem(school) -> str:
    """The SHA-256 of a text that lies on the server."""
    return school.store.save_text(POEM, "Goethe.txt")["sha256"]


def test_a_teacher_makes_a_task_about_the_text_that_is_open_in_her_tab(school):
    at = teach(school)
    assert not any("(" in option for option in by_key(at.selectbox, "class_text").options)
    at.switch_page("pages/text_to_tokens.py").run()
    by_key(at.text_area, "text_to_tokens_paste").set_value(POEM).run()
    by_key(at.button, "text_to_tokens_use_paste").click().run()
    at.switch_page("pages/class_page.py").run()
    sha256 = gpt.corpus_from_text(POEM).sha256
    assert by_key(at.selectbox, "class_text").value == sha256
    assert f"pasted text ({sha256[:6]})" in by_key(at.selectbox, "class_text").options
    by_key(at.text_input, "class_title").set_value("Wanderers Nachtlied").run()
    by_key(at.button, "class_make").click().run()
    (task,) = tasks.every(school.store.root)
    assert (task.text, task.text_name) == (sha256, "pasted text") and task.is_locked("text")
    other = sit(school, ANN, "class_page")
    assert not any(sha256[:6] in str(box.options) for box in other.selectbox), "of this tab alone"


def test_a_text_too_short_for_its_tokens_makes_no_task(school):
    """All learners would train on characters, and no run of theirs would count."""
    short = school.store.save_text("ab" * 20, "short.txt")["sha256"]
    rules.make_teacher(school.store.root, members.id_of(BEN))
    at = sit(school, BEN, "class_page", text=short)
    by_key(at.text_input, "class_title").set_value("Too short").run()
    by_key(at.selectbox, "class_tokens").select("bpe-512").run()
    by_key(at.button, "class_make").click().run()
    assert "use a longer text, or characters as tokens" in at.error[0].value
    assert not tasks.every(school.store.root)
    by_key(at.selectbox, "class_tokens").select("character").run()
    by_key(at.button, "class_make").click().run()
    assert [task.text for task in tasks.every(school.store.root)] == [short]


def test_a_learner_trains_on_the_teachers_own_text_without_bringing_it(school):
    sha256 = a_poem(school)
    check = {"measure": "steps", "at_least": 1}
    code = a_task(school, text=sha256, text_name="Goethe.txt", checks=[check])
    at = sit(school, ANN, "bigram", task=code)
    for page in ("text_to_tokens", "bigram"):
        at.switch_page(f"pages/{page}.py").run()
        box = by_key(at.sidebar.selectbox, "text")
        assert box.value == sha256 and box.disabled
        assert f"Goethe.txt ({sha256[:6]})" in box.options
        at.session_state["text"] = "python_docs"  # as a forged message of the browser says
        at.run()
        assert at.session_state["text"] == sha256
    by_key(at.button, "bigram_train").click().run()
    run = school.store.list()[-1]
    assert run.spec()["corpus"]["sha256"] == sha256 and run.spec()["task"] == code
    assert run.text() == POEM
    with open(run.folder / "events.jsonl", "a") as events:
        events.write('{"kind": "step", "step": 300, "loss": 2.0}\n')
    run.set_status(state=states.PAUSED, step=300)
    assert "check_circle: steps trained: at least 1" in said(at.run())


def test_a_lesson_file_about_a_text_that_is_not_here_says_what_to_do(school):
    sha256 = gpt.corpus_from_text(POEM).sha256
    told = {"title": "From afar", "page": "bigram", "text": sha256, "text_name": "Goethe.txt"}
    at = teach(school)
    box = by_key(at.file_uploader, "class_task_file")
    box.upload("task.json", json.dumps(told).encode(), "application/json").run()
    assert "is not on this server, and a lesson file does not hold it" in at.error[0].value
    assert not tasks.every(school.store.root)
    a_poem(school)
    box = by_key(teach(school).file_uploader, "class_task_file")
    box.upload("task.json", json.dumps(told).encode(), "application/json").run()
    assert [task.text for task in tasks.every(school.store.root)] == [sha256]


def test_an_open_text_is_the_learners_to_choose(school):
    at = sit(school, ANN, "bigram", task=a_task(school, open=["text"]))
    by_key(at.sidebar.selectbox, "text").select("sorting").run()
    assert at.session_state["text"] == "sorting"
    assert by_key(at.sidebar.selectbox, "tokenizer").disabled


def test_a_run_of_before_the_task_does_not_pass_it(school):
    run = run_of(school, ANN)
    check = {"measure": "steps", "at_least": 1}
    code = a_task(school, text=run.spec()["corpus"]["name"], checks=[check])
    with open(run.folder / "events.jsonl", "a") as events:
        events.write('{"kind": "step", "step": 300, "loss": 2.0}\n')
    at = sit(school, ANN, "bigram", task=code, run=run.id)
    assert "does not count for the task" in said(at)
    assert "radio_button_unchecked: steps trained: at least 1" in said(at)


def test_the_link_of_a_task_speaks_the_language_of_its_teacher(school):
    code = a_task(school)
    at = teach(school)
    assert any(c.value.endswith(f"bigram?task={code}") for c in at.code)
    at.session_state["language"] = "es"
    at.run()
    assert any(c.value.endswith(f"bigram?task={code}&language=es") for c in at.code)


def test_only_losses_that_compare_are_on_one_chart(school):
    at = sit(school, ANN, "bigram")
    for text in ("python_docs", "sorting", "sorting"):
        at.session_state["text"] = text
        at.run()
        by_key(at.button, "bigram_train").click().run()
        run = school.store.list()[-1]
        told = {"kind": "evaluation", "step": 5, "val_loss": 2.0, "train_loss": 2.0}
        (run.folder / "events.jsonl").write_text(json.dumps(told) + "\n")
        run.set_status(state=states.PAUSED, step=5, val_loss=2.0, train_loss=2.0)
    board = teach(school)
    assert "Toy: sorting · Characters: validation loss (nats per token) of 2 runs," in said(board)
    choice = by_key(board.selectbox, "class_curves_of")
    assert choice.options == [
        "Toy: sorting · Characters",
        "Python's reference texts · Characters",
    ]
    choice.select_index(1).run()
    assert "of 1 run," in said(board)
