"""Arguments of `python -m gpt` made to do harm: one sentence and exit status 2, or it works."""

import random
from pathlib import Path

import pytest

import gpt
from gpt.cli import main
from tests.attacks import hostile

NUMBERS = ("nan", "inf", "-1", "0", "1e400", "1.5", "x", "", "-0", "9" * 400, "\0", "2" * 20, "٣")
# What is tried in place of {} of each; none of them may begin a training that takes long.
LINES = (
    "sample {}", "eval {}", "verify {}", "export {} --format script --out x", "{}", "train {}",
    "train bigram --corpus {}", "train bigram --resume {}", "sample c --prompt {} --tokens 2",
    "eval c --corpus {}", "export c --format {} --out x", "train bigram --set {}", "sample --{} c",
    "train bigram --device {}", "sample c --device {} --tokens 1", "bench {}", "list {}",
    "verify c --corpus {}", "train bigram --tokenizer {}", "train bigram --out {} --corpus none",
)  # fmt: skip
COUNTED = (
    "sample c --tokens {}", "sample c --tokens 2 --temperature {}",
    "sample c --tokens 2 --top-k {}",
    "sample c --tokens 2 --top-p {}", "sample c --tokens 2 --seed {}", "train bigram --steps {}",
    "train bigram --minutes {}", "train bigram --seed {}", "train bigram --vocab-size {}",
    "train bigram --set n_embd={}", "train bigram --set learning_rate={}",
    "train bigram --set batch_size={}", "train bigram --set block_size={}",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a checkpoint `c`, as the current one. There is no text to train on."""
    monkeypatch.chdir(tmp_path)
    tokenizer = gpt.CharTokenizer.train("hello world\n")
    preset = gpt.PRESETS["bigram"]
    model = gpt.build_model(preset.model, tokenizer.vocab_size)
    gpt.save_checkpoint(tmp_path / "c", model, tokenizer, preset)
    return tmp_path


def lines() -> list[tuple[str, str]]:
    texts = [text for text in (*hostile.TEXTS, *hostile.MARKUP) if len(text) < 6000]
    chance = random.Random(6)
    many = len(texts) if hostile.WHOLE else 4
    pairs = [(line, text) for line in LINES for text in chance.sample(texts, many)]
    few = NUMBERS if hostile.WHOLE else NUMBERS[:6]
    return pairs + [(line, number) for line in COUNTED for number in few]


def test_every_mistake_is_one_sentence_and_status_2(here, capsys):
    wrong, tried = [], 0
    for line, value in lines():
        arguments = [word.replace("{}", value) for word in line.split()]
        if line.startswith("train") and "--corpus" not in line:
            arguments += ["--corpus", "no-such-text"]
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
        except Exception as error:
            wrong.append(f"{line} {value!r:.60}: {error!r:.200}")
            continue
        finally:
            _, err = capsys.readouterr()
            tried += 1
        if status not in (0, 2) or (status == 2 and len(err.strip().splitlines()) != 1):
            wrong.append(f"{line} {value!r:.60}: status {status}, {err!r:.200}")
    print(f"TALLY command line: {tried} tried")
    assert not wrong, "\n".join(wrong)
    assert {path.name for path in here.iterdir()} <= {"c", "x", "checkpoints"}
