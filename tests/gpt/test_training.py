"""The training loop: what it tells, that it is exact, and that runs do not disturb each other."""

import math
import platform
import random
import subprocess
import sys
from dataclasses import replace
from itertools import chain, zip_longest

import numpy as np
import pytest
import torch
from torch import nn

import gpt
from gpt import evaluation
from gpt.batches import Batches
from gpt.config import ModelConfig
from gpt.errors import CheckpointError, ConfigError, TextError
from gpt.evaluation import estimate_loss
from gpt.model import build_model, weights_of
from gpt.presets import PRESETS
from tests.gpt.helpers import (
    CORPUS,
    MODEL,
    TOKENIZER,
    TRAIN,
    V,
    copy_of,
    losses_of,
    start,
    told,
    train_ids,
)
from tests.peers import tutorial_form

DROPOUT = replace(MODEL, dropout=0.3)
EVERYTHING = {"schedule": "cosine", "warmup_steps": 2, "keep_best": True, "grad_clip": 0.5}


# --- what is told, and when --------------------------------------------------------------------


def test_the_events_of_a_short_run_in_their_order():
    events = list(start(max_steps=5, eval_interval=2, eval_iters=1))
    short = [(type(e).__name__, e.step) for e in events if not isinstance(e, gpt.Evaluating)]
    looks = ["Evaluation", "Sample", "Snapshot"]
    assert short == [
        *[(look, 0) for look in looks],
        ("StepStats", 1),
        ("StepStats", 2), *[(look, 2) for look in looks],
        ("StepStats", 3),
        ("StepStats", 4), *[(look, 4) for look in looks],
        ("StepStats", 5), *[(look, 5) for look in looks],
        ("Finished", 5),
    ]  # fmt: skip


def test_an_evaluation_tells_its_progress(monkeypatch):
    monkeypatch.setattr(evaluation, "TOKENS_AT_ONCE", 1)  # one batch after the other
    events = list(start(max_steps=1, eval_iters=3))
    progress = [(e.step, e.done, e.total) for e in events if isinstance(e, gpt.Evaluating)]
    assert progress == [(step, done, 6) for step in (0, 1) for done in range(1, 7)]


def test_early_milestones_come_before_the_first_interval():
    events = start(MODEL, max_steps=30, eval_interval=25, eval_iters=1, sample_tokens=0)
    steps = [e.step for e in events if isinstance(e, gpt.Snapshot)]
    assert steps == [0, 10, 20, 25, 30]


def test_the_first_loss_is_of_the_untrained_model_on_the_first_batch():
    model = build_model(MODEL, V, TRAIN.seed)
    x, y = Batches(train_ids(), MODEL.block_size, TRAIN.batch_size, TRAIN.seed).draw()
    expected = model(x, y)[1].item()
    assert losses_of(start(model))[0] == expected


def test_evaluations_use_the_same_batches_every_time_and_no_dropout():
    """With a learning rate of next to nothing, all evaluations say the same."""
    model = build_model(DROPOUT, V)
    config = replace(TRAIN, learning_rate=1e-8)
    events = list(gpt.train(model, CORPUS, TOKENIZER, config, "cpu"))
    evaluations = [e for e in events if isinstance(e, gpt.Evaluation)]
    assert len(evaluations) == 4
    assert evaluations[0].val_loss == pytest.approx(evaluations[-1].val_loss, abs=1e-5)
    ids = torch.tensor(TOKENIZER.encode(gpt.split(CORPUS.text)[1]))
    expected = estimate_loss(model, ids, TRAIN, TRAIN.seed + 1)
    assert evaluations[-1].val_loss == pytest.approx(expected, abs=1e-5)


def test_a_sample_always_draws_the_same_way():
    samples = [e for e in start(learning_rate=1e-8) if isinstance(e, gpt.Sample)]
    assert len({s.text for s in samples}) == 1
    assert samples[0].text.startswith("3") and len(samples[0].text) == 1 + TRAIN.sample_tokens


def test_it_learns():
    events = list(start(max_steps=150, eval_interval=150, eval_iters=20, learning_rate=1e-2))
    first, last = (e.val_loss for e in events if isinstance(e, gpt.Evaluation))
    assert first > math.log(V) - 0.2 and last < 0.7 * first


# --- exactness: the tutorial's program, torch's clipping ---------------------------------------


def tutorial_twin(model, rung):
    """The tutorial's own program with the weights of `model`."""
    theirs = tutorial_form.TutorialModel(rung, model.vocab_size)
    pairs = []
    if rung.kind == "bigram":
        pairs.append((theirs.token_embedding, model.table))
    else:
        pairs += [
            (theirs.token_embedding, model.token_embedding),
            (theirs.position_embedding, model.position_embedding),
            (theirs.lm_head, model.lm_head),
        ]
        for its, block in zip(theirs.body, model.blocks, strict=False):
            attention = its.sa if rung.kind == "blocks" else its
            for head, mine in zip(attention.heads, block.attention.heads(), strict=True):
                pairs += [(getattr(head, n), getattr(mine, n)) for n in ("query", "key", "value")]
            if rung.kind == "blocks":
                pairs += [
                    (its.sa.proj, block.attention.projection),
                    (its.ffwd[0], block.feed_forward.widen),
                    (its.ffwd[2], block.feed_forward.narrow),
                    (its.ln1, block.attention_norm),
                    (its.ln2, block.feed_forward_norm),
                ]
        if rung.kind == "blocks":
            pairs.append((theirs.body[-1], model.final_norm))
    copied = 0
    for its, mine in pairs:
        its.load_state_dict(mine.state_dict())
        copied += sum(p.numel() for p in its.parameters())
    assert copied == sum(p.numel() for p in theirs.parameters()), "a weight was forgotten"
    return theirs


SMALL = {"n_embd": 48, "block_size": 32, "n_layer": 3, "dropout": 0.0, "batch_size": 8}


@pytest.mark.parametrize(
    "name", ["bigram", "self_attention", "multi_head", "blocks", "gpt_tutorial"]
)
def test_twenty_losses_are_those_of_the_tutorials_program(name):
    """Same weights, same batches, same optimizer: the same curve."""
    preset, rung = PRESETS[name], tutorial_form.RUNGS[name]
    if name == "gpt_tutorial":
        preset, rung = preset.with_settings(SMALL), replace(rung, **SMALL)
    settings = replace(preset.train, max_steps=20, weight_decay=0.0, eval_iters=1, sample_tokens=0)
    model = build_model(preset.model, V)
    theirs = tutorial_twin(model, rung)
    ours = losses_of(gpt.train(model, CORPUS, TOKENIZER, settings, "cpu"))
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        optimizer = torch.optim.AdamW(theirs.parameters(), lr=rung.learning_rate, weight_decay=0.0)
        ids = train_ids()
        expected = [tutorial_form.training_step(theirs, optimizer, ids).item() for _ in range(20)]
    assert ours == pytest.approx(expected, rel=2e-5)


def test_the_bigram_learns_the_counted_table():
    """Trained to the end, the table is the counts: the closed form needs no training."""
    text = "abcab aabbc. " * 60 + "cabba cc." * 40
    corpus, tokenizer = gpt.corpus_from_text(text), gpt.CharTokenizer.train(text)
    ids = np.array(tokenizer.encode(gpt.split(text)[0]))
    model = build_model(PRESETS["bigram"].model, tokenizer.vocab_size)
    settings = replace(
        TRAIN, batch_size=128, max_steps=500, learning_rate=0.3, schedule="cosine",
        weight_decay=0.0, eval_interval=500, sample_tokens=0,
    )  # fmt: skip
    list(chain(gpt.train(model, corpus, tokenizer, settings, "cpu")))
    counted = gpt.bigram_probabilities(gpt.bigram_counts(ids, tokenizer.vocab_size), smoothing=0)
    learned = model.table.weight.detach().softmax(-1).numpy()
    assert np.abs(learned - counted).max() < 0.02
    assert np.abs(learned - counted).max() > 0  # two ways to one answer, not one way twice


def test_gradient_clipping_is_torchs():
    ours = build_model(MODEL, V, TRAIN.seed)
    theirs = build_model(MODEL, V, TRAIN.seed)
    events = list(start(ours, max_steps=5, grad_clip=0.3, weight_decay=0.0))
    norms = [e.grad_norm for e in events if isinstance(e, gpt.StepStats)]
    batches = Batches(train_ids(), MODEL.block_size, TRAIN.batch_size, TRAIN.seed)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=TRAIN.learning_rate, weight_decay=0.0)
    expected = []
    for _ in range(5):
        optimizer.zero_grad()
        theirs(*batches.draw())[1].backward()
        expected.append(nn.utils.clip_grad_norm_(theirs.parameters(), 0.3).item())
        optimizer.step()
    assert min(expected) > 0.3, "nothing was clipped"
    assert norms == pytest.approx(expected, rel=1e-5)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


# --- one run alone, twice, and beside another --------------------------------------------------


@pytest.mark.parametrize("model", [MODEL, DROPOUT], ids=["plain", "dropout"])
def test_two_runs_with_one_seed_are_equal_and_another_seed_is_not(model):
    one, two, other = (list(map(told, start(model, seed=s))) for s in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize("model", [MODEL, DROPOUT], ids=["plain", "dropout"])
def test_runs_that_take_turns_equal_the_same_runs_alone(model):
    alone = [list(map(told, start(model, seed=s))) for s in (1, 2)]
    turns = list(zip_longest(start(model, seed=1), start(model, seed=2)))
    for mine, expected in zip(zip(*turns, strict=True), alone, strict=True):
        assert [told(e) for e in mine if e is not None] == expected


def test_what_others_draw_between_two_events_changes_nothing():
    def disturbed():
        for event in start(DROPOUT):
            torch.manual_seed(0)
            torch.rand(3)
            yield event

    assert list(map(told, disturbed())) == list(map(told, start(DROPOUT)))


def test_every_step_drops_something_else():
    model, masks = build_model(DROPOUT, V), []
    layer = model.blocks[0].feed_forward.dropout
    layer.register_forward_hook(lambda m, _, out: masks.append(out == 0) if m.training else None)
    losses_of(start(model, max_steps=3))
    assert len(masks) == 3 and 0.2 < masks[0].float().mean() < 0.4
    assert not torch.equal(masks[0], masks[1]) and not torch.equal(masks[1], masks[2])


def test_no_global_state_is_touched():
    """Neither random numbers nor gradient mode, at any moment between two events."""

    def world():
        return (
            torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist(),
            torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
            torch.get_default_dtype(), torch.get_num_threads(),
        )  # fmt: skip

    before = world()
    for event in start(DROPOUT):
        assert world() == before, event


def test_closing_ends_a_run_and_the_model_can_go_on():
    model = build_model(MODEL, V)
    events = start(model)
    next(event for event in events if isinstance(event, gpt.StepStats))
    events.close()
    assert next(events, None) is None
    assert len(losses_of(start(model, max_steps=2))) == 2


# --- precision ---------------------------------------------------------------------------------


PRECISIONS = ("float32", "bfloat16")


@pytest.mark.parametrize("model", [MODEL, PRESETS["blocks"].model, DROPOUT])
def test_bfloat16_products_change_the_losses_by_their_rounding_only(model):
    """Weights, sums and the optimizer stay in float32; 8 significant bits are 0.4 %."""
    exact, rounded = (losses_of(start(model, max_steps=25, precision=p)) for p in PRECISIONS)
    assert exact != rounded
    np.testing.assert_allclose(rounded, exact, rtol=0.01)


def test_weights_gradients_and_moments_stay_in_float32():
    state = state_after(2, precision="bfloat16")
    floats = {t.dtype for name, t in state.tensors.items() if not name.startswith("random.")}
    assert floats == {torch.float32}


def test_between_two_events_nothing_is_rounded():
    for _ in start(max_steps=3, eval_interval=1, eval_iters=1, precision="bfloat16"):
        assert not torch.is_autocast_enabled("cpu")


# --- stopping and going on ---------------------------------------------------------------------


def test_a_snapshot_can_be_asked_for_at_any_event_and_changes_nothing():
    plain = list(map(told, start(DROPOUT, **EVERYTHING)))
    events, seen, asked = start(DROPOUT, **EVERYTHING), [], 0
    event = next(events)
    while not isinstance(event, gpt.Finished):
        seen.append(told(event))
        snapshot = events.send("snapshot")
        assert isinstance(snapshot, gpt.Snapshot) and snapshot.asked
        assert snapshot.step == event.step
        asked += 1
        event = next(events)
    assert [*seen, told(event)] == plain and asked > 20


def test_the_weights_of_a_snapshot_are_the_models():
    model = build_model(MODEL, V)
    for event in start(model):
        if isinstance(event, gpt.Snapshot):
            weights = event.weights()
            assert all(
                torch.equal(w, dict(model.named_parameters())[n]) for n, w in weights.items()
            )


FAULTS = """
import resource
import gpt
from gpt.bench import training_steps
corpus = gpt.load_corpus("python_docs")
steps = training_steps(gpt.PRESETS["gpt_mini"], corpus, gpt.CharTokenizer.train(corpus.text))
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    next(steps)
before = faults()
for _ in range(4):
    next(steps)
print((faults() - before) / 4)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for it")
def test_a_step_takes_no_new_pages_from_the_system():
    """Each was over 1,000 page faults before the memory was kept."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True)
    assert float(done.stdout) < 300, done.stderr


RESUMED = [
    pytest.param(MODEL, {}, id="plain"),
    pytest.param(DROPOUT, EVERYTHING, id="dropout, cosine, clipping, best kept"),
    pytest.param(replace(MODEL, tie_weights=True), {"warmup_steps": 6}, id="tied"),
    pytest.param(replace(MODEL, positions="rotary"), {"optimizer": "muon"}, id="muon"),
    pytest.param(MODEL, {"learning_rate": 1.0, "patience": 1, "keep_best": True}, id="early stop"),
]


@pytest.mark.parametrize(("model", "settings"), RESUMED)
def test_a_run_continued_from_any_event_is_the_run_that_never_stopped(model, settings, tmp_path):
    """Through the file, at every event: same next losses, same end, same weights."""
    settings = {"max_steps": 7, "eval_interval": 3, "eval_iters": 1, "sample_tokens": 2} | settings
    whole_model = build_model(model, V, TRAIN.seed)
    whole = list(map(told, start(whole_model, **settings)))
    events, position = start(model, **settings), 0
    for event in events:
        if isinstance(event, gpt.Finished):
            break
        position += 1
        gpt.save_state(tmp_path / "state", events.send("snapshot").state())
        again_model = build_model(model, V, seed=99)  # its weights must come from the state
        resumed = start(again_model, gpt.load_state(tmp_path / "state"), **settings)
        after = list(map(told, resumed))
        assert after[-1] == whole[-1], event
        steps = [e for e in whole[position:] if e[0] == "StepStats"]
        assert [e for e in after if e[0] == "StepStats"] == steps, event
        for a, b in zip(whole_model.parameters(), again_model.parameters(), strict=True):
            assert torch.equal(a, b), event
    assert position > 12


def state_after(steps, model=MODEL, **settings):
    events = start(model, **settings)
    next(e for e in events if isinstance(e, gpt.StepStats) and e.step == steps)
    return copy_of(events.send("snapshot").state())


def test_one_state_can_be_continued_twice():
    """Continuing must work on a copy: a second attempt starts from the same numbers."""
    state = state_after(5)
    first, second = losses_of(start(resume=state)), losses_of(start(resume=state))
    assert first == second == losses_of(start())[5:]


def test_a_finished_run_goes_on_when_it_gets_more_steps():
    state = state_after(12)
    assert losses_of(start(resume=state)) == []
    assert (
        losses_of(start(resume=state_after(12), max_steps=20))
        == losses_of(start(max_steps=20))[12:]
    )


@pytest.mark.parametrize("model", [replace(MODEL, n_layer=1), replace(MODEL, n_embd=32)])
def test_a_state_of_another_model_is_refused_before_any_event(model):
    state = state_after(2)
    with pytest.raises(CheckpointError, match="not those of this model"):
        start(model, resume=state)


@pytest.mark.parametrize("missing", ["random.batches", "random.dropout"])
def test_a_state_with_something_missing_is_refused(missing):
    state = state_after(2)
    del state.tensors[missing]
    with pytest.raises(CheckpointError):
        start(resume=state)


def test_a_state_with_something_strange_is_refused():
    state = state_after(2)
    state.tensors["garbage"] = torch.zeros(1)
    with pytest.raises(CheckpointError):
        start(resume=state)


# --- endings -----------------------------------------------------------------------------------


def test_it_ends_with_the_last_evaluation():
    events = list(start())
    last, end = next(e for e in events[::-1] if isinstance(e, gpt.Evaluation)), events[-1]
    assert (end.reason, end.step) == ("completed", 12) and "12" in end.message
    assert (end.train_loss, end.val_loss) == (last.train_loss, last.val_loss)
    best = min((e for e in events if isinstance(e, gpt.Evaluation)), key=lambda e: e.val_loss)
    assert (end.best_step, end.best_val_loss) == (best.step, best.val_loss)


# Learns for a while, then a far too large learning rate ruins it: the best is in the middle.
RUINED = {"learning_rate": 0.5, "warmup_steps": 60, "max_steps": 40, "eval_interval": 4}


def test_keep_best_goes_back_to_the_best_weights():
    model, kept = build_model(MODEL, V), {}
    for event in start(model, keep_best=True, **RUINED):
        if isinstance(event, gpt.Snapshot) and event.best:
            kept = {n: w.clone() for n, w in event.weights().items()}
    assert 0 < event.best_step < 40 and event.best_val_loss < event.val_loss
    assert all(torch.equal(kept[n], w) for n, w in weights_of(model).items())
    ids = torch.tensor(TOKENIZER.encode(gpt.split(CORPUS.text)[1]))
    assert event.best_val_loss == pytest.approx(estimate_loss(model, ids, TRAIN, TRAIN.seed + 1))


def test_without_keep_best_the_last_weights_stay():
    model, last = build_model(MODEL, V), {}
    for event in start(model, **RUINED):
        if isinstance(event, gpt.Snapshot):
            last = {n: w.clone() for n, w in event.weights().items()}
    assert all(torch.equal(last[n], w) for n, w in weights_of(model).items())


def test_patience_stops_after_so_many_estimates_without_a_better_one():
    events = list(start(**RUINED | {"max_steps": 400, "patience": 3}))
    end = events[-1]
    assert end.reason == "early_stop" and end.step < 400 and "3 estimates" in end.message
    assert end.step == end.best_step + 3 * 4
    assert isinstance(events[-2], gpt.Snapshot) and events[-2].step == end.step


DIVERGING = ModelConfig(block_size=8, n_layer=6, n_head=4, n_embd=32, norm="none", init="tutorial")


@pytest.mark.parametrize("interval", [1, 3, 100])
def test_steps_that_are_too_large_end_with_the_cause(interval):
    """Overflow may show first in a step, in an evaluation, or in a sample."""
    events = list(start(DIVERGING, learning_rate=10.0, max_steps=60, eval_interval=interval))
    end = events[-1]
    assert (end.reason, type(end)) == ("diverged", gpt.Finished) and end.step < 60
    assert "learning rate 10" in end.message and "not a number" in end.message


@pytest.mark.parametrize("step", range(6))
def test_poisoned_weights_end_as_diverged_at_once(step):
    model = build_model(MODEL, V)
    events = start(model, max_steps=60, eval_interval=4)
    for event in events:
        if event.step == step:
            break
    with torch.no_grad():
        model.lm_head.weight[0, 0] = math.nan
    *_, end = events
    assert end.reason == "diverged" and end.step <= step + 1


def test_a_diverged_run_keeps_the_last_good_weights():
    """A caller that saves at the last step must not save numbers that are none."""
    model = build_model(DIVERGING, V)
    *_, end = start(model, learning_rate=10.0, max_steps=60, eval_interval=100)
    assert end.reason == "diverged"
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_the_model_is_left_ready_to_use():
    model = build_model(DROPOUT, V)
    list(start(model))
    assert not model.training and all(p.grad is None for p in model.parameters())


# --- mistakes are told before the first event --------------------------------------------------


def test_a_context_longer_than_the_text_is_refused():
    model = build_model(replace(MODEL, block_size=8000), V)
    with pytest.raises(TextError, match="context of 8000 needs about"):
        start(model)


def test_a_text_with_other_characters_is_refused():
    with pytest.raises(TextError, match="EURO SIGN"):
        gpt.train(build_model(MODEL, V), gpt.corpus_from_text("€" * 999), TOKENIZER, TRAIN)


@pytest.mark.parametrize("device", ["tpu", "mps"])
def test_a_device_that_is_not_there_is_refused(device, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=device):
        gpt.train(build_model(MODEL, V), CORPUS, TOKENIZER, TRAIN, device)
