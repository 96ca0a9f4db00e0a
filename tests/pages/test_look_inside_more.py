"""Page 9: the map of the embedding, and what stands in the training text; the latter on page 8."""

import pytest
import torch

import gpt
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "look_inside"


def open_at(bench, view, run, **address):  # noqa: F811
    asked = {f"{PAGE}_{name}": value for name, value in address.items()}
    return bench.open(PAGE, **{f"{PAGE}_view": view, "run": run.id} | asked)


@pytest.fixture
def run(bench):  # noqa: F811
    return bench.train("train_a_gpt", "blocks", block_size=64, n_layer=1, n_head=2, n_embd=16)


def test_neighbours_are_those_of_all_numbers_and_the_axes_tell_their_share(bench, run):  # noqa: F811
    at = open_at(bench, "Embeddings", run, text="the text", position="2")
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    vectors = model.token_embedding.weight.detach()
    e = tokenizer.encode("e")[0]
    cosines = torch.cosine_similarity(vectors, vectors[e : e + 1])
    cosines[e] = -2
    centred = vectors - vectors.mean(0)
    variances = torch.linalg.eigvalsh(centred.T @ centred)
    text = said(at)
    assert f"a cosine of {cosines.max().item():+.3f}" in text
    assert f"show {(variances[-2:].sum() / variances.sum()).item():.1%} of the variance" in text
    assert at.dataframe[0].value["cosine"].tolist() == pytest.approx(
        cosines.topk(8).values.tolist(), abs=1e-5
    )


def test_learned_positions_have_a_map_of_their_own(bench, run):  # noqa: F811
    at = open_at(bench, "Embeddings", run, text="the text", position="2", embedding="positions")
    assert "vectors of all 64 positions" in said(at) and "Nearest to position 2 is" in said(at)


def test_without_learned_positions_there_is_no_switch(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "gpt_modern", n_layer=1, block_size=16)
    at = open_at(bench, "Embeddings", run, text="the text", embedding="positions")
    assert "Each token is a learned vector" in said(at)
    assert not any(c.key == f"{PAGE}_embedding" for c in at.get("button_group"))


def test_a_bigrams_rows_have_a_map(bench):  # noqa: F811
    at = open_at(bench, "Embeddings", bench.train("bigram", "bigram"), text="the text")
    assert not at.error and "bigram’s table" in said(at)


def test_what_was_learned_from_is_found_with_its_place(bench, run):  # noqa: F811
    training, _ = gpt.split(gpt.load_corpus("python_docs").text)
    passage = training[5000:5040]
    at = open_at(bench, "Copied", run, text=f"<b>qxqx {passage} qxqx")
    table = at.dataframe[0].value
    assert passage.strip() in training[table["position"][0] :][: table["length"][0]]
    assert table["length"][0] >= 38 and "the validation text, which the model never saw" in said(at)
    by_key(at.slider, f"{PAGE}_least").set_value(60).run()
    assert not at.exception and "0% stand in pieces of at least 60" in said(at)


def test_a_training_text_that_is_not_here_is_said(bench, run, monkeypatch):  # noqa: F811
    monkeypatch.setattr("explorer.panels.copied.is_local", lambda name: False)
    at = open_at(bench, "Copied", run, text="the text")
    assert any("training text of this model is not here" in box.value for box in at.info)


def test_an_untrained_model_has_nothing_to_recite(bench):  # noqa: F811
    at = bench.open(PAGE, **{f"{PAGE}_view": "Copied", "model": "untrained"})
    assert any("nothing to recite" in box.value for box in at.info)


def test_page_8_checks_what_was_written(bench, run):  # noqa: F811
    at = bench.open("generate", run=run.id)
    assert "Does it write, or recite?" not in said(at)
    by_key(at.button, "generate_write").click().run()
    at.session_state["generate.writing"].wait(30)
    at.run()
    assert not at.exception
    assert "Of the 200 characters of what was written" in said(at)


def test_the_cache_says_what_groups_of_heads_save(bench):  # noqa: F811
    run = bench.train(
        "train_a_gpt", "blocks", block_size=16, n_layer=1, n_head=4, n_kv_head=1, n_embd=16
    )
    at = open_at(bench, "Cache", run, text="the text", position="3")
    text = said(at)
    whole = 2 * 16 * 4 * 4  # keys and values × positions × numbers × bytes
    assert f"the whole context of 16 positions takes {whole} B" in text
    assert f"it would be {4 * whole / 1024:.1f} KiB, so grouping saves 75%" in text


def test_of_a_large_vocabulary_only_text_and_neighbours_are_drawn(bench, run, monkeypatch):  # noqa: F811
    monkeypatch.setattr("explorer.panels.inside.embedding.ALL", 20)
    at = open_at(bench, "Embeddings", run, text="the text", position="2")
    near = set(at.dataframe[0].value["token"])
    drawn = len(near | {"t", "h", "e", "␣", "x"})
    text = said(at)
    assert f"{drawn} of " in text and "the 8 nearest to the chosen one, nothing else" in text


@pytest.mark.parametrize("large", [False, True])
def test_the_dot_product_is_sent_when_it_is_asked_for(bench, run, monkeypatch, large):  # noqa: F811
    sent = []
    monkeypatch.setattr("explorer.panels.head_map.fits", lambda *sizes: not large)
    monkeypatch.setattr(
        "explorer.panels.inside.dots.dot_product",
        lambda *vectors, **how: sent.append((*vectors[:2], how)),
    )
    at = open_at(bench, "Attention", run, text="the text", head="1.2")
    assert not sent
    by_key(at.toggle, f"{PAGE}_dots").set_value(True).run()
    assert not at.exception and at.query_params[f"{PAGE}_dots"] == "1"
    queries, keys, how = sent[-1]
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    idx = torch.tensor([tokenizer.encode("the text")])
    scores = gpt.trace(model, idx, ["attn_scores"])["attn_scores"][0, 0, 1]
    past = torch.ones_like(scores, dtype=torch.bool).tril()
    made = torch.from_numpy(queries @ keys.T) * how["scale"]
    torch.testing.assert_close(made[past], scores[past], atol=1e-5, rtol=1e-5)
    assert how["title"] == "Head 1.2" and how["link"] == f"{PAGE}_position"
    by_key(at.toggle, f"{PAGE}_dots").set_value(False).run()
    number = len(sent)
    at.run()
    assert len(sent) == number and f"{PAGE}_dots" not in at.query_params


def test_the_address_opens_the_dot_product(bench, run):  # noqa: F811
    at = open_at(bench, "Attention", run, text="the text", dots="1")
    assert by_key(at.toggle, f"{PAGE}_dots").value is True
