"""The steps of the notebook that are others where the run reads byte pairs."""

from gpt.takehome.steps import STEPS, Step

OTHERS = {  # how the step begins that each takes the place of
    "## 2": Step(
        "## 2 The vocabulary: byte pairs\n\nThe lecture takes characters, this run byte pairs."
        " Every byte is a token at first. The two neighbours that occur together most often become"
        " a token of their own, pairs are counted anew, and so on: a frequent word ends as one"
        " token. Here are the first pairs, then all of them are learnt.",
        ("BPETokenizer",),
        """
for merge in learn_merges(text, 10):
    print(merge)
tokenizer = BPETokenizer.train(text, bpe_vocab_size)
vocab_size = tokenizer.vocab_size  # V
print(vocab_size, "tokens; the last pairs are", tokenizer.merges[-10:], "(Ġ is a space)")
""",
    ),
    "## 3": Step(
        "## 3 Encode and decode\n\nThe text is cut into pieces, a word with the space before it for"
        " one; in each, the pair that was learnt first is merged until none is left. With the bytes"
        " among the tokens every text can be written, and it comes back without a loss.",
        (),
        """
decode = tokenizer.decode
print(list(pieces(text[:40])))
ids = tokenizer.encode(text[:40])
print([decode([i]) for i in ids], ids)
print(repr(decode(ids)))
""",
    ),
    "## 4": Step(
        "## 4 Train and validation\n\nThe last tenth is held back: what the model says about it"
        " shows what it has learned, and not what it knows by heart. A token holds several"
        " characters, so that a loss for each is not that of a model of characters; bits per"
        " character are the same measure for both.",
        ("encode_parts",),
        """
splits, characters = encode_parts(text, tokenizer)
print({name: len(part) for name, part in splits.items()})
print(f"{characters:.2f} characters a token")
""",
    ),
    "Writing": Step(
        "Writing is drawing a token, appending it, and asking again. Bytes that make no character"
        " are shown as �.",
        ("write",),
        "print(decode(write(bigram, [tokenizer.start], 200, seed)))",
    ),
    "## 13": Step(
        "## 13 Training\n\nThe same batches, weights and updates as in the run: on a CPU the first"
        " losses are those of its receipt, up to rounding.",
        ("train",),
        "losses = train(model, splits, characters)",
    ),
    "## 14": Step(
        "## 14 It writes",
        (),
        "start = tokenizer.encode(prompt) or [tokenizer.start]\n"
        "print(decode(write(model, start, 500, seed)))",
    ),
}


def steps_of(tokenizer: str) -> list[Step]:
    """The steps for a run whose tokens are "character" or "bpe"."""
    others = OTHERS if tokenizer == "bpe" else {}
    return [
        next((other for begins, other in others.items() if step.words.startswith(begins)), step)
        for step in STEPS
    ]
