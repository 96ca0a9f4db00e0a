from urllib.parse import parse_qsl

import torch

import gpt
from explorer import cache, habits
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "multi_head_attention"


def test_the_page_opens_untrained_with_its_own_numbers(bench):  # noqa: F811
    at = bench.open(PAGE)
    text = said(at)
    assert "x (B=32, T=8, C=32) → 4 heads of (B=32, T=8, D=8)" in text
    assert "Largest difference" in text and "rounding only" in text
    assert "untrained, weights drawn from seed 1337" in text
    assert not at.error and not at.warning


def test_one_head_is_not_called_heads(bench):  # noqa: F811
    assert "→ 1 head of (B=32, T=8, D=32)" in said(bench.open(PAGE, **{f"{PAGE}_n_head": "1"}))


def test_its_feed_forward_is_the_tutorials_first_form(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.toggle, f"{PAGE}_feed_forward").set_value(True).run()
    assert not at.exception
    assert "→ feed-forward (B=32, T=8, C=32)" in said(at)
    by_key(at.button, f"{PAGE}_train").click().run()
    (run,) = bench.store.list()
    spec = run.spec()
    assert bench.executor.submitted == [run.id] and spec["page"] == PAGE
    assert spec["model"]["feed_forward"] and spec["model"]["feed_forward_multiple"] == 0
    assert spec["model"]["n_head"] == 4 and not spec["model"]["residual"]


def test_a_finished_run_grades_the_parameter_question_with_none(bench):  # noqa: F811
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    at = bench.open(PAGE, run=run.id)
    by_key(at.number_input, f"{PAGE}.answer.parameters").set_value(768.0).run()
    assert any("You said 768, measured: **0**" in w.value for w in at.warning)
    by_key(at.number_input, f"{PAGE}.answer.parameters").set_value(0.0).run()
    assert any("measured: **0**" in s.value for s in at.success)
    assert "your run, after 12 steps" in said(at)


def test_before_a_run_an_answer_is_kept_and_not_graded(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.number_input, f"{PAGE}.answer.parameters").set_value(0.0).run()
    assert not at.success and "Your answer is noted" in said(at)


def test_runs_are_compared_by_what_differs(bench):  # noqa: F811
    bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0, feed_forward=True)
    bench.train("self_attention", "self_attention")  # of another page: must not appear
    at = bench.open(PAGE, run=run.id)
    chooser = next(s for s in at.selectbox if s.label == "Run that this page shows")
    assert chooser.options == ["1: feed_forward off", "2: feed_forward on"]
    table = next(d.value for d in at.dataframe if "feed_forward" in d.value.columns)
    assert table["feed_forward"].tolist() == ["off", "on"]
    assert table["validation loss"].notna().all()
    chooser.set_value(chooser.options[0]).run()
    assert not at.exception and at.query_params["run"] != run.id


def test_what_changed_counts_the_parameters_of_the_run_that_is_shown(bench):  # noqa: F811
    """The controls may stand elsewhere: loss and parameters must belong to one model."""
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0, feed_forward=True)
    at = bench.open(PAGE, run=run.id)
    V = len(set(gpt.load_corpus("python_docs").text))
    config = gpt.ModelConfig.from_dict(run.spec()["model"])
    count = sum(gpt.parameters_by_component(config, V).values())
    changed = at.table[-1].value
    assert f"{count:,}" in changed.iloc[0].tolist()


def test_the_address_keeps_the_run_of_the_page(bench):  # noqa: F811
    """Asking for the earlier lesson's run once took the run out of this page's address."""
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    at = bench.open(PAGE, run=run.id)
    assert at.query_params["run"] == run.id


def test_heads_can_be_scored_on_the_learners_own_text(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert "windows of 8 tokens of the validation text" in said(at)
    control = next(c for c in at.get("button_group") if c.key == f"{PAGE}_scored_on")
    control.set_value("the text above").run()
    assert not at.exception and "the 8 characters read above" in said(at)


def test_scores_are_those_of_the_text_that_they_were_measured_on(bench, monkeypatch):  # noqa: F811
    """Two texts of the same letters: those of the first were shown for the second."""
    first, second = "abcd " * 100, "dcba " * 100
    run, scores, keys = bench.train(PAGE, "multi_head", first), cache.head_scores, []
    monkeypatch.setattr(
        cache, "head_scores", lambda model, x, key: keys.append(key) or scores(model, x, key)
    )
    for text in (first, second):
        at = bench.open(PAGE, run=run.id, text=bench.store.save_text(text)["sha256"])
        assert "windows of 8 tokens of the validation text" in said(at)
    assert len(set(keys)) == 2


def test_a_text_that_cannot_be_read_is_said(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.text_input, f"{PAGE}_read").set_value("字").run()
    assert not at.exception and "Type at least two characters" in said(at)


def off_link(at):
    """What the link under the map asks of page 9."""
    link = next(a.proto for a in at.get("page_link") if a.proto.page == "look_inside")
    return dict(parse_qsl(link.query_string))


def test_the_chosen_head_is_described_beside_an_even_one(bench):  # noqa: F811
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    at = bench.open(PAGE, run=run.id)
    at.session_state[f"{PAGE}_attention"] = {"selected": {"layer": 0, "head": 2, "epoch": 0}}
    at.run()
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    ids = tokenizer.encode("to be or not to be")[-model.config.block_size :]
    scores = gpt.model_head_scores(model, torch.tensor([ids]))
    assert habits.sentence(scores, 0, 2) in said(at)
    assert off_link(at)["look_inside_off_heads"] == "1.3"


def test_switching_off_the_head_on_page_9_is_one_click_away(bench):  # noqa: F811
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    address = off_link(bench.open(PAGE, run=run.id))
    at = bench.open("look_inside", **address)
    assert not at.warning and at.text_area[0].value == "to be or not to be"
    assert "Without head 1.1 the loss on this text goes from" in said(at)


def test_an_earlier_step_of_the_run_is_switched_off_at_that_step(bench):  # noqa: F811
    run = bench.train(PAGE, "multi_head", feed_forward_multiple=0)
    at = bench.open(PAGE, run=run.id)
    by_key(at.select_slider, f"{PAGE}_at_step").set_value(6).run()
    assert off_link(at)["look_inside_step"] == "6"
    assert "at step 6" in said(bench.open("look_inside", **off_link(at)))


def test_before_a_run_the_link_leads_to_a_trained_model(bench):  # noqa: F811
    address = off_link(bench.open(PAGE))
    assert "run" not in address
    assert "Without head" in said(bench.open("look_inside", **address))
