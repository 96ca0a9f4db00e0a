"""The plain program: what stands around a run's model in the script that is taken home.

The same text, split, batches, optimizer and losses as `gpt.train`, in one go from top to bottom:
nothing here can be paused, watched or resumed, and it is for a process of its own, on the CPU.
Tests hold its losses equal to those of `gpt.train`. `config` is a run's settings of both kinds and
what follows from them; in the script they are constants, and what they rule out is gone.
"""

import hashlib
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gpt
from gpt.costs import available_cores, useful_threads
from gpt.devices import dtype_of_products, products_in
from gpt.model import initialise
from gpt.optim import build_optimizer, learning_rate_at
from gpt.text import _python_docs
from gpt.tokenizers import BPETokenizer
from gpt.toys import copying

CPU = torch.device("cpu")
FIRST_STEPS = 10  # whose losses are shown one by one
WRITTEN = 500  # tokens, at the end


def read_text(path: str | None, config: Any) -> str:
    """The text of the run: from the file `path`, or from where it is expected."""
    if config.corpus == "python_docs" and path is None:
        text = _python_docs()  # in every Python
    elif config.corpus == "copying" and path is None:
        text = copying()
    else:
        text = read_file(Path(path or config.text_file))
    if hashlib.sha256(text.encode()).hexdigest() != config.text_sha256:
        print("This is not the text of the run (its SHA-256 differs), so the losses differ too.")
    return text


def read_file(path: Path) -> str:
    if not path.is_file():
        sys.exit(f"There is no text {path}: put it there, or name another as `python … FILE`.")
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def encode(text: str, vocabulary: list[str]) -> Tensor:
    """Every character as its place in the vocabulary. (N,)"""
    number = {character: i for i, character in enumerate(vocabulary)}
    return torch.tensor([number[character] for character in text if character in number])


def build(vocab_size: int, config: Any) -> Any:
    """The untrained model, with weights drawn from the seed."""
    bigram = config.architecture == "bigram"
    model = gpt.Bigram(config, vocab_size) if bigram else gpt.GPT(config, vocab_size)
    initialise(model, torch.Generator().manual_seed(config.seed))
    return model


def encode_parts(text: str, tokenizer: Any) -> tuple[dict[str, Tensor], float]:
    """The tokens of both parts, and how many characters one of the validation part holds.

    The text is cut and not its tokens, so that every tokenizer is tested on the same characters.
    """
    parts = dict(zip(("train", "val"), gpt.split(text), strict=True))
    splits = {name: torch.tensor(tokenizer.encode(part)) for name, part in parts.items()}
    return splits, len(parts["val"]) / len(splits["val"])


def train(model: Any, splits: dict[str, Tensor], characters: float, config: Any) -> list[float]:
    """Train the model -> the loss of every step. Prints the first ones, and every estimate."""
    dtype = dtype_of_products(config.precision, config.flops, CPU)
    batches = gpt.Batches(splits["train"], config.block_size, config.batch_size, config.seed)
    optimizer = build_optimizer(model, config)
    losses: list[float] = []
    if config.keep_best or config.patience > 0:
        best, stale, kept = math.inf, 0, {}
    torch.manual_seed(config.seed)  # for dropout: nothing else draws from these numbers
    for step in range(config.max_steps + 1):
        if step % config.eval_interval == 0 or step == config.max_steps:
            with products_in(dtype, CPU):
                estimates = {}
                for name, ids in splits.items():
                    estimates[name] = gpt.estimate_loss(model, ids, config, config.seed + 1)
            print("step", step, *(f"{name} {loss:.4f}" for name, loss in estimates.items()))
            if config.tokenizer == "bpe":
                bits = estimates["val"] / math.log(2) / characters
                print(f"validation: {bits:.3f} bits per character")
            if config.keep_best or config.patience > 0:
                stale += 1
                if estimates["val"] < best:
                    best, stale = estimates["val"], 0
                    kept = {name: p.detach().clone() for name, p in model.named_parameters()}
                if stale >= config.patience > 0:
                    break
        if step == config.max_steps:
            break
        rate = learning_rate_at(step, config)
        for part in optimizer.param_groups:
            part["lr"] = rate
        x, y = batches.draw()  # (B, T), (B, T)
        with products_in(dtype, CPU):
            _, loss = model(x, y)
        loss.backward()
        if config.grad_clip > 0:
            nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        with products_in(dtype, CPU):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step < FIRST_STEPS:
            print(f"step {step + 1}: loss {losses[-1]:.6f}")
    if config.keep_best:
        model.load_state_dict(kept, strict=False)
    return losses


@torch.inference_mode()
def write(model: Any, ids: list[int], count: int, seed: int, config: Any) -> list[int]:
    """Continue `ids` by `count` tokens, each drawn as often as the model expects it."""
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    for _ in range(count):
        start = gpt.window_start(len(ids), config.block_size)
        logits, _ = model(torch.tensor([ids[start:]]))  # (1, T, V)
        chances = torch.softmax(logits[0, -1], dim=-1)  # of every token (V,)
        ids = [*ids, int(torch.multinomial(chances, 1, generator=generator))]
    return ids


def main(config: Any) -> None:
    torch.set_num_threads(useful_threads(config.flops, available_cores()))
    text = read_text(sys.argv[1] if len(sys.argv) > 1 else None, config)
    if config.tokenizer == "bpe":
        tokenizer = BPETokenizer.train(text, config.bpe_vocab_size)
        vocab_size = tokenizer.vocab_size
        splits, characters = encode_parts(text, tokenizer)
        begin = tokenizer.encode(config.prompt) or [tokenizer.start]
    else:
        vocabulary = sorted(set(text))
        vocab_size = len(vocabulary)
        ids = encode(text, vocabulary)
        splits = dict(zip(("train", "val"), gpt.split(ids), strict=True))
        characters = 1.0
        begin = encode(config.prompt, vocabulary).tolist() or [0]
    model = build(vocab_size, config)
    print(sum(p.numel() for p in model.parameters()), "parameters")
    train(model, splits, characters, config)
    written = write(model, begin, WRITTEN, config.seed, config)
    if config.tokenizer == "bpe":
        print(tokenizer.decode(written))
    else:
        print("".join(vocabulary[i] for i in written))
