"""Page 10: the climb, its gains and its grade; runs side by side; names, stars, groups."""

import dataclasses
import shutil
from itertools import pairwise

import pytest

import gpt
from explorer import ladder, remaining, workspace
from explorer.charts import compare
from explorer.panels import writer
from explorer.runs import RunStore, labels, states
from explorer.runs.job import Signals, work
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "the_ladder"
SHORT = {f"{PAGE}_mode": "the same for all", f"{PAGE}_steps": "10"}
TITLES = [rung.title for rung in ladder.rungs(0)]


def quick(rungs):
    """The same rungs, which estimate and write hardly anything."""
    changes = {"eval_interval": 5, "eval_iters": 1, "sample_tokens": 2}
    return [dataclasses.replace(r, preset=r.preset.with_settings(changes)) for r in rungs]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """A folder with a finished run of ten steps for every rung."""
    store, corpus = RunStore(tmp_path_factory.mktemp("climbed")), gpt.load_corpus("python_docs")
    for rung in quick(ladder.rungs(1337, 10)):
        run = store.create(gpt.describe_run(rung.preset, corpus, "cpu") | {"page": PAGE})
        run.set_status(state=states.QUEUED)
        assert work(run, Signals())[0] == states.FINISHED
    return store


def press(at, name):
    at = by_key(at.button, f"{PAGE}_{name}").click().run()
    assert not at.exception, [e.value for e in at.exception]
    return at


def table(at, column):
    return next(d.value for d in at.dataframe if column in d.value.columns)


# --- the climb --------------------------------------------------------------------------------


def test_before_the_climb_the_page_says_what_is_missing_and_how_long_it_takes(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert by_key(at.button, f"{PAGE}_climb").label == "Climb the ladder"
    assert f"Missing: {', '.join(TITLES)}; about" in said(at)
    assert "knows nothing (ln V)" in said(at) and "Not trained yet." in said(at)


def test_one_press_hands_every_rung_over_once(bench):  # noqa: F811
    at = press(bench.open(PAGE, **SHORT), "climb")
    runs = bench.store.list()
    assert [r.spec()["page"] for r in runs] == [PAGE] * 5
    assert {r.spec()["train"]["max_steps"] for r in runs} == {10}
    assert {r.spec()["train"]["seed"] for r in runs} == {1337}
    assert len({r.spec()["corpus"]["sha256"] for r in runs}) == 1
    assert bench.executor.submitted == [r.id for r in runs], "lowest rung first"
    press(at, "climb")
    assert len(bench.store.list()) == 5, "what was handed over is not handed over again"


def test_a_run_of_another_page_is_taken(bench):  # noqa: F811
    recipe, corpus = ladder.rungs(1337, 10)[0].preset, gpt.load_corpus("python_docs")
    mine = bench.store.create(gpt.describe_run(recipe, corpus, "cpu") | {"page": "bigram"})
    mine.set_status(state=states.FINISHED)
    at = bench.open(PAGE, **SHORT)
    assert by_key(at.button, f"{PAGE}_climb").label == "Climb: 4 rungs missing"
    press(at, "climb")
    assert len(bench.store.list()) == 5 and mine.id not in bench.executor.submitted


def test_every_rung_in_training_can_be_stopped_and_goes_on_at_the_next_climb(
    bench,  # noqa: F811
):
    at = press(bench.open(PAGE, **SHORT), "climb")
    runs = bench.store.list()
    for run in runs[:2]:
        run.set_status(state=states.QUEUED)
    at.run()
    press(at, "stop_2")
    assert bench.executor.commands == [(runs[1].id, "stop")]
    press(at, "stop")
    assert bench.executor.commands[1:] == [(r.id, "stop") for r in (runs[1], runs[0])]
    for run in runs[:2]:
        run.set_status(state=states.STOPPED)
    press(at, "climb")
    assert {(r.id, "continue") for r in runs[:2]} <= set(bench.executor.commands)


def test_the_time_of_a_climb_is_that_of_what_is_left_of_it(bench, monkeypatch):  # noqa: F811
    at = press(bench.open(PAGE, **SHORT), "climb")
    first, second, *_ = bench.store.list()
    first.set_status(state=states.FINISHED)
    second.set_status(state=states.STOPPED, step=9)
    asked = []
    monkeypatch.setattr(remaining, "series_left", lambda series, V: asked.append(list(series)))
    at.run()
    assert [run and run.id for _, run in asked[-1]][:1] == [second.id] and len(asked[-1]) == 4


def test_a_failed_rung_says_why_and_is_trained_anew(bench):  # noqa: F811
    at = press(bench.open(PAGE, **SHORT), "climb")
    first = bench.store.list()[0]
    first.set_status(state=states.FAILED, reason="The disk is full.")
    assert table(at.run(), "gain")["state"][0] == "failed: The disk is full."
    press(at, "climb")
    assert len(bench.store.list()) == 6


def test_the_gains_are_measured_drawn_and_the_answer_graded_by_them(
    bench,  # noqa: F811
    climbed,
    monkeypatch,
):
    real = ladder.rungs
    monkeypatch.setattr(ladder, "rungs", lambda *a, **k: quick(real(*a, **k)))
    for run in climbed.list():
        shutil.copytree(run.folder, bench.store.root / run.id)
    told = [event for run in climbed.list() for event in run.events()[0]]
    ends = [event["val_loss"] for event in told if event["kind"] == "finished"]
    gains = [before - after for before, after in pairwise(ends)]
    best = max(range(4), key=gains.__getitem__)
    at = bench.open(PAGE, **SHORT, **{f"{PAGE}_against": "compute"})
    assert by_key(at.button, f"{PAGE}_climb").disabled
    shown = table(at, "gain")
    assert shown["loss"].tolist() == pytest.approx(ends)
    assert shown["gain"].tolist()[1:] == pytest.approx(gains)
    V = len(set(gpt.load_corpus("python_docs").text))
    assert shown["gain"][0] == pytest.approx(gpt.uniform_loss(V) - ends[0])
    assert f"After the first step, {TITLES[1 + best]} gains most." in said(at)
    assert len([code for code in at.code if code.value.startswith("The ")]) == 7, "5 rungs and 2"
    radio = f"{PAGE}.answer.gains_most"
    by_key(at.radio, radio).set_value(TITLES[1 + best]).run()
    assert any(f"Yes: **{TITLES[1 + best]}**" in box.value for box in at.success)
    by_key(at.toggle, f"{PAGE}_zoom").set_value(True)
    by_key(at.radio, radio).set_value(TITLES[1 + (best + 1) % 4]).run()
    assert not at.exception
    assert any(f"it is **{TITLES[1 + best]}**" in box.value for box in at.warning)
    assert not at.success
    assert "FLOPs so far" in "".join(e.proto.spec for e in at.get("vega_lite_chart"))


# --- any runs ---------------------------------------------------------------------------------


def test_without_runs_two_shipped_rungs_stand_side_by_side(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert by_key(at.multiselect, f"{PAGE}_runs").value == ["multi_head", "blocks"]
    shown = table(at, "differs")
    assert {"n_layer", "residual", "norm"} <= set(shown["setting"])
    assert set(shown["differs"]) == {"≠"}
    by_key(at.toggle, f"{PAGE}_equal").set_value(True).run()
    shown = table(at, "differs")
    assert shown[shown["setting"] == "seed"]["differs"].item() == ""


def test_the_address_brings_runs_and_page_9_both_of_them(bench):  # noqa: F811
    one, two = bench.train("train_a_gpt", "blocks"), bench.train("train_a_gpt", "blocks", seed=2)
    at = bench.open(PAGE, **{f"{PAGE}_runs": f"{two.id},{one.id}"})
    assert by_key(at.multiselect, f"{PAGE}_runs").value == [two.id, one.id]
    assert table(at, "differs")["setting"].tolist() == ["seed"]
    link = next(e.proto for e in at.get("page_link") if "Attention of 1 and 2" in e.proto.label)
    assert f"run={two.id}" in link.query_string
    assert f"look_inside_second_of={one.id}" in link.query_string
    at.multiselect(key=f"{PAGE}_runs").set_value([one.id]).run()
    assert "Choose at least two" in said(at)


def test_runs_on_different_texts_are_not_compared_by_their_losses(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "blocks")
    at = bench.open(PAGE, **{f"{PAGE}_runs": f"{run.id},copying"})
    assert any("different texts" in box.value for box in at.warning)
    assert table(at, "differs")["setting"][0] == "text"


# --- names, stars, groups ---------------------------------------------------------------------


def edit(at, run, kind, what, value):
    by_key(getattr(at, kind), f"{PAGE}_labels_{run.id}_{what}").set_value(value).run()
    assert not at.exception, [e.value for e in at.exception]


def test_a_run_gets_a_name_a_star_and_a_group_and_every_list_shows_them(bench):  # noqa: F811
    run, other = bench.train("transformer_blocks", "blocks"), bench.train("bigram", "bigram")
    labels.write(other.folder, group="seeds")  # a new one is typed in the browser's test
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_one").set_value(run.id).run()
    edit(at, run, "text_input", "name", "**my** <b>best</b>")
    edit(at, run, "toggle", "star", True)
    edit(at, run, "selectbox", "group", "seeds")
    kept = labels.read(run.folder)
    assert (kept.name, kept.star, kept.group) == ("**my** <b>best</b>", True, "seeds")
    assert by_key(at.selectbox, f"{PAGE}_one").value == run.id, "the new name keeps it chosen"
    listed = table(at, "recipe")
    assert listed["★"].tolist() == ["★", ""]
    assert listed["name"][0] == "**my** <b>best</b>" and listed["group"][0] == "seeds"
    assert "**my**" not in "".join(e.value for e in [*at.markdown, *at.caption]), "plain text only"
    shown = by_key(bench.open("generate").selectbox, "generate_model").options
    runs = [name for name in shown if "step 12" in name]
    assert runs[0].startswith("★ **my** <b>best</b>, step 12") and len(runs) == 2
    assert other.id > run.id, "the star comes before the newer run"


def test_page_6_shows_the_name_before_what_differs(bench):  # noqa: F811
    run = bench.train("transformer_blocks", "blocks", residual=False)
    bench.train("transformer_blocks", "blocks")
    labels.write(run.folder, name="bare", star=True)
    at = bench.open("transformer_blocks")
    chooser = next(s for s in at.selectbox if s.label == "Run that this page shows")
    assert chooser.options == ["★ bare · 1: residual off", "2: residual on"]


def test_a_bad_name_is_said_in_one_sentence_and_the_old_one_stays(bench):  # noqa: F811
    run = bench.train("bigram", "bigram")
    labels.write(run.folder, name="old")
    at = bench.open(PAGE)
    edit(at, run, "text_input", "name", "x\u202ey")
    assert any("U+202E" in box.value for box in at.warning)
    assert labels.read(run.folder).name == "old"


def test_a_group_is_compared_at_one_choice(bench):  # noqa: F811
    runs = [bench.train("bigram", "bigram", seed=s) for s in (1, 2, 3)]
    for run in (runs[0], runs[2]):
        labels.write(run.folder, group="odd")
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_group").set_value("odd").run()
    assert not at.exception
    assert by_key(at.multiselect, f"{PAGE}_runs").value == [runs[2].id, runs[0].id]
    assert table(at, "differs")["setting"].tolist() == ["seed"]


def test_deleting_asks_spares_stars_and_training_and_leaves_the_page_whole(bench):  # noqa: F811
    run, other = bench.train("bigram", "bigram"), bench.train("bigram", "bigram", seed=2)
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_one").set_value(run.id).run()
    edit(at, run, "toggle", "star", True)
    assert by_key(at.button, f"{PAGE}_delete_{run.id}").disabled
    assert "take the star away first" in said(at)
    edit(at, run, "toggle", "star", False)
    run.set_status(state=states.QUEUED)
    assert by_key(at.run().button, f"{PAGE}_delete_{run.id}").disabled
    run.set_status(state=states.FINISHED)
    by_key(at.run().button, f"{PAGE}_delete_{run.id}").click().run()
    assert not at.exception
    assert [r.id for r in bench.store.list()] == [other.id]
    assert by_key(at.selectbox, f"{PAGE}_one").value == other.id
    assert len(by_key(at.multiselect, f"{PAGE}_runs").value) >= 1


def test_a_star_from_another_tab_stops_a_deletion_at_the_last_moment(bench):  # noqa: F811
    run = bench.train("bigram", "bigram")
    at = bench.open(PAGE)
    labels.write(run.folder, star=True)
    by_key(at.button, f"{PAGE}_delete_{run.id}").click().run()
    assert any("starred run is not deleted" in box.value for box in at.warning)
    assert len(bench.store.list()) == 1


def test_a_list_that_is_cut_says_of_how_many(bench, monkeypatch):  # noqa: F811
    for _ in range(3):
        bench.train("bigram", "bigram")
    entries = workspace.entries
    monkeypatch.setattr(workspace, "entries", lambda most=2: entries(most))
    shown = said(bench.open("the_ladder"))
    assert shown.count("Your newest 2 of 3 runs, those with a star first.") == 2, "both lists"


def test_every_list_of_own_runs_says_of_how_many_once_it_is_cut(bench, monkeypatch):  # noqa: F811
    for _ in range(3):
        bench.train("transformer_blocks", "blocks")
    for page in ("home", "transformer_blocks", "generate", "the_ladder"):
        assert "Your newest" not in said(bench.open(page)).replace("Your newest 3 of 3 runs", "")
    monkeypatch.setattr(writer, "MOST", 2)
    monkeypatch.setattr(compare, "MOST_RUNS", 2)
    assert "Your newest 2 of 3 runs, those with a star first." in said(bench.open("generate"))
    assert "Your newest 2 of 3 runs on this page and text." in said(
        bench.open("transformer_blocks")
    )
    for _ in range(2):
        bench.train("transformer_blocks", "blocks")
    assert "Your newest 4 of 5 runs." in said(bench.open("home"))
