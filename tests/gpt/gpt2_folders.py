"""A small GPT-2 with random weights, saved by transformers, for the tests that read one."""

import shutil

import torch

from tests.gpt.helpers import TEXT

WORDS = 280  # V of the small tokenizer


def learn_tokenizer(folder):
    """Write vocab.json and merges.txt of byte pairs learnt from a small text."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        [TEXT], vocab_size=WORDS, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.save_model(str(folder))


def gpt_2(folder, tokenizer_files, **settings):
    """A small GPT-2 of transformers with random weights, saved into `folder`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    given = {
        "vocab_size": WORDS, "n_positions": 16, "n_embd": 24, "n_layer": 3, "n_head": 4,
        "bos_token_id": 0, "eos_token_id": 0, "attn_implementation": "eager",
    }  # fmt: skip
    theirs = GPT2LMHeadModel(GPT2Config(**given | settings)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # larger weights than at the start, so that every part matters
        for p in theirs.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator))
    theirs.save_pretrained(folder)
    for file in tokenizer_files.iterdir():
        shutil.copy(file, folder)
    return theirs
