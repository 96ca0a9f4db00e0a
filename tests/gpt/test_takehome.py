"""A run taken home: the program gives its losses, the notebook runs, transformers agrees."""

import ast
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbclient
import nbformat
import pytest
import torch

import gpt
from gpt import takehome
from gpt.takehome.known import Facts
from gpt.takehome.recipe import first_losses, read_recipe
from gpt.takehome.specialise import specialised
from tests.gpt.helpers import CORPUS, TEXT, TOKENIZER, V, ids_of, losses_of, shaken

QUICK = {"max_steps": 12, "eval_interval": 6, "eval_iters": 2, "sample_tokens": 0}
RECIPES = {
    "bigram": ("bigram", {}),
    "multi_head": ("multi_head", {}),
    "blocks": ("blocks", {}),
    "dropout, clipped, early stop": (
        "blocks",
        {"dropout": 0.3, "tie_weights": True, "norm": "post", "n_kv_head": 2, "keep_best": True,
         "patience": 1, "grad_clip": 1.0, "schedule": "cosine", "warmup_steps": 3},
    ),
    "muon": ("gpt_modern", {"n_embd": 48, "block_size": 32, "norm_kind": "rms"}),
    "rounded": ("gpt_mini", {"n_embd": 32, "block_size": 16, "precision": "bfloat16"}),
    "byte pairs": ("blocks", {"dropout": 0.1}),
}  # fmt: skip
SPICED = (
    TEXT + "naïve Übergröße, 日本語 🙂<|endoftext|>½ don't\n" * 40
)  # what the cutting into pieces is for
TEXTS = {"byte pairs": gpt.corpus_from_text(SPICED, "spiced")}
LEARNT = gpt.train_tokenizer(SPICED, "bpe", 300)
TOKENIZERS = {"byte pairs": LEARNT}


def recipe_of(preset, losses=(), environment=None):
    corpus = {"name": "times", "sha256": CORPUS.sha256}
    return takehome.Recipe(preset, V, corpus, "a run", tuple(losses), environment or {})


def recipe_on(key, losses=()):
    """The recipe of RECIPES[key], of characters or of byte pairs."""
    recipe = recipe_of(a_preset(*RECIPES[key]), losses)
    if key not in TEXTS:
        return recipe
    corpus = {"name": "spiced", "sha256": TEXTS[key].sha256}
    about = {"kind": "bpe", "vocab_size": 300}
    return replace(recipe, corpus=corpus, vocab_size=LEARNT.vocab_size, tokenizer=about)


def a_preset(name, changes):
    return gpt.PRESETS[name].with_settings(QUICK | changes)


ALL = """
import contextlib, io, json, runpy, sys, warnings
warnings.simplefilter("error")
said = {}
for name in sys.argv[1:]:
    sys.argv = [name]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(name, run_name="__main__")
    said[name] = out.getvalue()
print(json.dumps(said))
"""  # in one process, which loads torch once


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the program of every recipe prints, in a folder with the text and nothing else."""
    folder = tmp_path_factory.mktemp("at home")
    (folder / "times.txt").write_text(TEXT)
    (folder / "spiced.txt").write_text(SPICED, encoding="utf-8")
    names = {}
    for number, key in enumerate(RECIPES):
        names[key] = f"{number}.py"
        program = takehome.script(recipe_on(key), names[key])
        (folder / names[key]).write_text(program, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-I", "-c", ALL, *names.values()],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    return {key: printed[name] for key, name in names.items()}


@pytest.mark.parametrize("key", RECIPES)
def test_the_program_gives_the_losses_of_the_run_and_writes_what_its_model_writes(key, said):
    preset = a_preset(*RECIPES[key])
    corpus, tokenizer = TEXTS.get(key, CORPUS), TOKENIZERS.get(key, TOKENIZER)
    model = gpt.build_model(preset.model, tokenizer.vocab_size, preset.train.seed)
    events = list(gpt.train(model, corpus, tokenizer, preset.train, "cpu"))
    told = [float(loss) for loss in re.findall(r"^step \d+: loss (.*)$", said[key], re.MULTILINE)]
    assert len(told) == 10 and told == pytest.approx(losses_of(events)[:10], abs=1e-6)
    last = [e for e in events if isinstance(e, gpt.Evaluation)][-1]
    assert f"step 12 train {last.train_loss:.4f} val {last.val_loss:.4f}" in said[key]
    written = gpt.generate(model, tokenizer, "\n", 500, seed=preset.train.seed)
    assert said[key].endswith(written + "\n")


@pytest.mark.parametrize("key", RECIPES)
def test_the_program_is_clean_and_knows_nothing_of_this_project(key, tmp_path):
    program = takehome.script(recipe_on(key, [4.17, 4.1]))
    assert not re.search(r"^\s*(import|from) (gpt|numpy)", program, re.MULTILINE)
    assert "config." not in program.replace("config.json", "") and "4.170000, 4.100000" in program
    path = tmp_path / "mine.py"
    path.write_text(program, encoding="utf-8")
    form = ["--isolated", "--line-length", "100", "--target-version", "py311"]
    for command in (["check", "--select", "E,F,I,UP"], ["format", "--check", "--diff"]):
        result = subprocess.run(["ruff", *command, *form, path], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_the_program_holds_only_what_its_settings_use():
    bigram = takehome.script(recipe_of(gpt.PRESETS["bigram"]))
    assert "class Bigram" in bigram and "class GPT" not in bigram and "class Muon" not in bigram
    head = takehome.script(recipe_of(gpt.PRESETS["self_attention"]))
    absent = ("def turned", "def swiglu", "class FeedForward", "Dropout", "KVCache", "autocast")
    assert "class MultiHeadAttention" in head and not [word for word in absent if word in head]
    modern = takehome.script(recipe_of(gpt.PRESETS["gpt_modern"]))
    assert all(word in modern for word in ("def turned", "def swiglu", "class Muon", "autocast"))


def test_another_text_is_told_and_a_missing_one_too(tmp_path, monkeypatch, capsys):
    program = takehome.script(recipe_of(a_preset("bigram", {"max_steps": 1})), "mine.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mine.py"])
    with pytest.raises(SystemExit, match="There is no text times"):
        exec(program, {"__name__": "__main__"})
    Path("other.txt").write_text(TEXT + "more")
    monkeypatch.setattr(sys, "argv", ["mine.py", "other.txt"])
    exec(program, {"__name__": "__main__"})
    assert "not the text of the run" in capsys.readouterr().out


def test_the_name_of_a_text_is_never_a_part_of_the_program():
    """Names come with uploads and with the checkpoints of strangers."""
    corpus = {"name": 'a"""\nprint("mine")\n\\', "sha256": CORPUS.sha256}
    recipe = replace(recipe_of(a_preset("bigram", {})), corpus=corpus, run='"""+1')
    for text in (takehome.script(recipe, 'b""".py'), json.loads(takehome.notebook(recipe))):
        cells = [text] if isinstance(text, str) else [
            "".join(cell["source"]) for cell in text["cells"] if cell["cell_type"] == "code"
        ]  # fmt: skip
        for cell in cells:
            calls = [ast.unparse(n) for n in ast.walk(ast.parse(cell)) if isinstance(n, ast.Call)]
            assert "print('mine')" not in calls


def test_the_program_on_byte_pairs_tells_bits_per_character_as_the_page_does(said):
    """Nats per token, by ln 2 and by the characters of a token of the validation part."""
    losses = re.findall(r"val (.*)\nvalidation: (.*) bits per character", said["byte pairs"])
    held = gpt.split(SPICED)[1]
    characters = len(held) / len(LEARNT.encode(held))
    assert len(losses) == 3 and characters > 1.5
    for nats, bits in losses:
        assert float(bits) == pytest.approx(float(nats) / math.log(2) / characters, abs=1e-3)
    assert "bits per character" not in said["blocks"]


def test_the_program_on_byte_pairs_holds_one_rule_and_the_others_hold_none():
    program = takehome.script(recipe_on("byte pairs"))
    absent = ("GPT4", "RULES", "HALVES", "def groups", "def decoder", "def to_dict", "vocabulary")
    assert "class BPETokenizer" in program
    assert not [word for word in absent if re.search(rf"{word}\b(?!;)", program)]
    assert "BPETokenizer" not in takehome.script(recipe_on("blocks"))


# --- one source for one configuration -------------------------------------------------------------

CASES = [
    ("y = config.n", "y = n"),
    ("y = a if config.on else b", "y = a"),
    ("f(config.off and g())", "f(False)"),
    ("y = config.on and f()", "y = f()"),
    ("y = f(x, config)", "y = f(x)"),
    ("if config.n > 3:  # many\n    y = 1  # one\nelse:\n    y = 2", "# many\ny = 1  # one"),
    ("if x:\n    y\nelif config.off:\n    2\nelse:\n    z", "if x:\n    y\nelse:\n    z"),
    ("if config.off:\n    y = 1\nelif x:\n    y = 2", "if x:\n    y = 2"),
    ("if x:\n    y\nelif config.on:\n    z", "if x:\n    y\nelse:\n    z"),
    ("if config.off:\n    1\nelif config.off:\n    2\nelse:\n    y", "y"),
    ("if config.off:\n    1\nelif config.on:\n    y  # two\nelse:\n    3", "y  # two"),
    ("if x:\n    y\nelif x:\n    z", "if x:\n    y"),
    ("if x:\n    raise ValueError\ny = 1", "y = 1"),
    ("def f(x, config):\n    n = [3]\n    g(n, config.n)", "def f(x):\n    n = [3]\n    g(n, 4)"),
    ("def f(x, c: KVCache | None = None):\n    g(x if c is None else c)", "def f(x):\n    g(x)"),
    ("def f():\n    return 1\n    y = 2", "def f():\n    return 1"),
    ("y = [\n    'é',  # è\n    config.n,\n]", "y = [\n    'é',  # è\n    n,\n]"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_a_source_for_given_settings(before, after):
    assert specialised(before, Facts({"n": 4, "on": True, "off": False})) == after


def test_a_parameter_that_is_always_the_same_is_gone():
    facts = Facts({}, tables={"RULES": {"a": "A"}}, arguments={"rule": "a", "on": False})
    before = "def f(x, rule='b', on=True):\n    if on:\n        x = 1\n    g(x, RULES[rule], rule)"
    assert specialised(before, facts) == "def f(x):\n    g(x, A)"


# --- notebook -------------------------------------------------------------------------------------


def book_of(key):
    book = nbformat.reads(takehome.notebook(recipe_on(key)), as_version=4)
    nbformat.validate(book)
    return book


def test_the_notebook_runs_and_ends_with_the_losses_of_the_run(tmp_path, said):
    """In a kernel, as at home: on byte pairs, whose text is the harder one."""
    book = book_of("byte pairs")
    (tmp_path / "spiced.txt").write_text(SPICED, encoding="utf-8")
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=60, resources=place).execute()
    out = "".join(o.get("text", "") for cell in book.cells for o in cell.get("outputs", []))
    assert said["byte pairs"].split("parameters\n")[1].strip() in out, "the program's own words"
    assert "when input is" in out and out.count("True\n") == 3 and "False\n" not in out
    told = "".join("".join(cell.source) for cell in book.cells)
    steps = (
        "vocabulary",
        "learn_merges",
        "Train and validation",
        "bigram",
        "four versions",
        "Notes on attention",
    )
    assert all(step in told for step in steps)


@pytest.mark.parametrize("key", ["bigram", "dropout, clipped, early stop", "muon"])
def test_the_cells_of_other_runs_give_their_losses(key, tmp_path, monkeypatch, capsys, said):
    """Here, without a kernel: that takes seconds to start."""
    monkeypatch.chdir(tmp_path)
    Path("times.txt").write_text(TEXT)
    names: dict = {}
    for cell in book_of(key).cells:
        if cell.cell_type == "code":
            exec("".join(cell.source), names)
    assert said[key].split("parameters\n")[1].strip() in capsys.readouterr().out


# --- transformers ---------------------------------------------------------------------------------

NETWORKS = [
    ("gpt_mini", {}, "GPT2LMHeadModel"),
    ("blocks", {"read_out_bias": False, "qkv_bias": True}, "GPT2LMHeadModel"),
    ("blocks", {"tie_weights": True}, "FromScratchModel"),
    ("gpt_modern", {}, "FromScratchModel"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "changes", "kind"), NETWORKS)
def test_transformers_gives_the_same_scores(name, changes, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from transformers import AutoModelForCausalLM, AutoTokenizer, dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    preset = gpt.PRESETS[name].with_settings({"n_layer": 2, "block_size": 16} | changes)
    model = shaken(preset.model)
    folder = takehome.save_huggingface(tmp_path / "mine", model, TOKENIZER, preset.title)
    theirs = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
    assert type(theirs).__name__ == kind
    idx = ids_of(2, 16)
    with torch.no_grad():
        assert torch.allclose(theirs(idx).logits, model(idx)[0], atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    assert tokenizer.encode(TEXT[:30]) == TOKENIZER.encode(TEXT[:30])
    assert tokenizer.decode(tokenizer.encode(TEXT[:30])) == TEXT[:30]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["gpt_mini", "gpt_modern"])
def test_transformers_reads_byte_pairs_as_we_do(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from transformers import AutoModelForCausalLM, AutoTokenizer, dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    preset = gpt.PRESETS[name].with_settings({"n_layer": 1, "block_size": 16})
    model = shaken(preset.model, LEARNT.vocab_size)
    folder = takehome.save_huggingface(tmp_path / "mine", model, LEARNT, preset.title)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    for text in (
        SPICED,
        "",
        "  x\n\n y ",
        "I'LL we'll 'times 1234 ٣٣",
        "a<|endoftext|>b",
        "\x85\u3000é",
    ):
        ids = LEARNT.encode(text)
        assert tokenizer.encode(text) == ids and tokenizer.decode(ids) == LEARNT.decode(ids)
    assert len(tokenizer) == LEARNT.vocab_size
    theirs = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
    idx = torch.tensor([LEARNT.encode(SPICED)[:16]])
    with torch.no_grad():
        assert torch.allclose(theirs(idx).logits, model(idx)[0], atol=1e-5)
    if name == "gpt_mini":  # a plain GPT-2: read back as one
        again, read, _ = gpt.load_huggingface(folder)
        assert read.vocab == LEARNT.vocab and torch.allclose(again(idx)[0], model(idx)[0])


def test_other_pieces_than_those_of_gpt_2_are_not_written_for_transformers(tmp_path):
    tokenizer = gpt.BPETokenizer.train(TEXT, 270, "gpt4")
    model = gpt.build_model(gpt.PRESETS["bigram"].model, 270)
    with pytest.raises(gpt.ConfigError, match="by the rule 'gpt2', not 'gpt4'"):
        takehome.save_huggingface(tmp_path / "mine", model, tokenizer)
    assert not (tmp_path / "mine").exists()


# --- receipt --------------------------------------------------------------------------------------


def a_run(folder, tokenizer=None, **changes):
    preset = a_preset("blocks", changes)
    learned = gpt.train_tokenizer(CORPUS.text, **(tokenizer or {}))
    model = gpt.build_model(preset.model, learned.vocab_size, preset.train.seed)
    about = gpt.describe_run(preset, CORPUS, "cpu", tokenizer) | {"id": "mine"}
    gpt.write_json(folder / "run.json", about)
    recorder = gpt.Recorder(folder, model, learned, preset, {"corpus": CORPUS.name})
    for event in gpt.train(model, CORPUS, learned, preset.train, "cpu"):
        recorder.take(event)
    recorder.close()
    return folder


def test_a_receipt_is_small_and_verified(tmp_path):
    found = json.loads(takehome.to_json(takehome.receipt(a_run(tmp_path))))
    assert found["corpus"]["sha256"] == CORPUS.sha256 and found["seed"] == 1337
    assert found["environment"]["torch"] == torch.__version__ and len(found["losses"]) == 10
    result = takehome.verify(found, CORPUS)
    assert result["matches"] and result["difference"] == 0.0 and result["changed"] == []
    assert result["tolerance"] == 1e-5


def test_a_receipt_of_other_losses_does_not_match(tmp_path):
    found = takehome.receipt(a_run(tmp_path))
    found["losses"][9] += 2e-5
    assert not takehome.verify(found, CORPUS)["matches"]
    found["train"] |= {"seed": 1}
    assert takehome.verify(found, CORPUS)["difference"] > 0.01


def test_what_decides_how_far_losses_may_be_apart(tmp_path):
    found = takehome.receipt(a_run(tmp_path))
    for changes, tolerance in [
        ({"torch": "2.0.0"}, 1e-3), ({"products": "bfloat16"}, 3e-2), ({"device": "cuda"}, 3e-2),
        ({"python": "3.99", "threads": 64}, 1e-5),
    ]:  # fmt: skip
        other = found | {"environment": found["environment"] | changes}
        assert takehome.verify(other, CORPUS)["tolerance"] == tolerance


def test_what_cannot_be_compared_is_said(tmp_path):
    found = takehome.receipt(a_run(tmp_path, dropout=0.1))
    with pytest.raises(gpt.TextError, match="not the text of this run"):
        takehome.verify(found, gpt.corpus_from_text(TEXT + "more"))
    on_a_gpu = found | {"environment": {"device": "cuda"}}
    with pytest.raises(gpt.ConfigError, match="dropout"):
        takehome.verify(on_a_gpu, CORPUS)
    with pytest.raises(gpt.ConfigError, match="no losses yet"):
        takehome.verify(found | {"losses": []}, CORPUS)


def test_a_torn_line_does_not_hide_the_losses(tmp_path):
    folder = a_run(tmp_path)
    before = read_recipe(folder).losses
    path = folder / "events.jsonl"
    path.write_text('{"kind":"step","st\n' + path.read_text())
    assert read_recipe(folder).losses == before and len(before) == 10


def test_a_thinned_record_tells_only_the_losses_up_to_its_first_gap(tmp_path):
    """Shipped models keep every so many steps: steps 1 and 8 were once taken for 1 and 2."""
    lines = [f'{{"kind":"step","step":{step},"loss":{step}.5}}' for step in (1, 2, 4, 8)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    assert first_losses(tmp_path / "events.jsonl") == (1.5, 2.5)


def test_a_run_on_byte_pairs_is_verified_and_a_program(tmp_path):
    folder = a_run(tmp_path, tokenizer={"kind": "bpe", "vocab_size": 280})
    found = takehome.receipt(folder)
    assert found["tokenizer"] == {"kind": "bpe", "vocab_size": 280}
    assert takehome.verify(found, CORPUS)["matches"]
    for make in (takehome.script, takehome.notebook):
        assert "bpe_vocab_size = 280 " in make(read_recipe(folder))


def test_byte_pairs_that_the_text_does_not_give_are_no_program(tmp_path):
    preset, card = a_preset("bigram", {}), {"corpus": "times", "corpus_sha256": CORPUS.sha256}
    others = gpt.BPETokenizer.train(TEXT, 270, "gpt4")
    folder = gpt.save_checkpoint(
        tmp_path / "mine", gpt.build_model(preset.model, 270), others, preset, card
    )
    with pytest.raises(gpt.ConfigError, match="rule or with special tokens"):
        read_recipe(folder)
    recipe = replace(recipe_of(preset), tokenizer={"kind": "gpt2"})
    for make in (takehome.script, takehome.notebook):
        with pytest.raises(gpt.ConfigError, match="cannot be learnt from its text"):
            make(recipe)


def test_a_checkpoint_alone_is_enough_for_a_program(tmp_path):
    preset = replace(a_preset("bigram", {}))
    model = gpt.build_model(preset.model, V)
    card = {"corpus": CORPUS.name, "corpus_sha256": CORPUS.sha256}
    folder = gpt.save_checkpoint(tmp_path / "mine", model, TOKENIZER, preset, card)
    assert CORPUS.sha256 in takehome.script(read_recipe(folder))
    gpt.save_checkpoint(tmp_path / "mine", model, TOKENIZER, preset, {})
    with pytest.raises(gpt.ConfigError, match="which text"):
        read_recipe(folder)
