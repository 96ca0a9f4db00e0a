"""The steps of the notebook: words, the library's objects that each needs, and what is tried out.

The code here is text, because it is for a notebook alone; a test executes every line of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step: a heading and some sentences, names to define first, and the code of a cell."""

    words: str
    needs: tuple[str, ...] = ()
    code: str = ""


TITLE = """
# From the text to a GPT: {about}

Every step of Andrej Karpathy's lecture “Let's build GPT: from scratch, in code, spelled out”, with
the settings of this run. Only torch is needed. {place} Training for all {steps} steps is the last
but one cell: to try things out, set `max_steps` to a smaller number in the cell of settings.

The classes and functions are those that ran, taken from the sources of “GPT from scratch”; what
these settings do not use is left out. Shapes: B batch, T time, C channels, H heads, D head size,
V vocabulary.
"""

STEPS = (
    Step(
        "## 1 The text\n\nA model of a language begins with a text. This one is all it will know.",
        ("read_text",),
        "text = read_text(None)\nprint(len(text), 'characters')\nprint(text[:300])",
    ),
    Step(
        "## 2 The vocabulary\n\nEvery different character is a token; its place in sorted order is"
        " its number.",
        (),
        """
vocabulary = sorted(set(text))
vocab_size = len(vocabulary)  # V
print(repr("".join(vocabulary)))
print(vocab_size, "characters")
""",
    ),
    Step(
        "## 3 Encode and decode\n\nFrom characters to numbers, and back without a loss.",
        ("encode",),
        """
def decode(ids):
    return "".join(vocabulary[i] for i in ids)


print(encode(text[:20], vocabulary))
print(repr(decode(encode(text[:20], vocabulary))))
""",
    ),
    Step(
        "## 4 Train and validation\n\nThe last tenth is held back: what the model says about it"
        " shows what it has learned, and not what it knows by heart.",
        ("split",),
        """
ids = encode(text, vocabulary)  # (N,)
splits = dict(zip(("train", "val"), split(ids), strict=True))
print({name: len(part) for name, part in splits.items()})
""",
    ),
    Step(
        "## 5 One window holds many examples\n\nOf T + 1 tokens every one but the first is a"
        " target, with all before it as the input.",
        (),
        """
window = splits["train"][: min(8, block_size) + 1]
for t in range(len(window) - 1):
    print(f"when input is {window[: t + 1].tolist()} the target is {window[t + 1].item()}")
""",
    ),
    Step(
        "## 6 A batch\n\nSeveral windows from random places, side by side: they are computed at"
        " once and know nothing of each other.",
        ("Batches",),
        """
x, y = Batches(splits["train"], min(8, block_size), 4, seed).draw()  # (B, T), (B, T)
print("inputs", tuple(x.shape), x.tolist())
print("targets", tuple(y.shape), y.tolist())
for b in range(x.shape[0]):
    for t in range(x.shape[1]):
        print(f"when input is {x[b, : t + 1].tolist()} the target is {y[b, t].item()}")
""",
    ),
    Step(
        "## 7 The bigram\n\nThe simplest model: a table whose row i holds the scores of what may"
        " follow token i. A model that knows nothing gives every token the same score, and its loss"
        " is ln V; random scores are a little worse, being sure without a reason.",
        ("Bigram",),
        """
torch.manual_seed(seed)
bigram = Bigram(vocab_size)
logits, loss = bigram(x, y)
print(tuple(logits.shape), "random table:", loss.item())
nn.init.zeros_(bigram.table.weight)
print("all alike:", bigram(x, y)[1].item(), "ln V:", math.log(vocab_size))
""",
    ),
    Step(
        "The optimizer moves every score a little in the direction in which the loss falls, again"
        " and again.",
        (),
        """
optimizer = torch.optim.AdamW(bigram.parameters(), lr=1e-2)
batches = Batches(splits["train"], min(8, block_size), 32, seed)
for _ in range(300):
    _, loss = bigram(*batches.draw())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
print(loss.item())
""",
    ),
    Step(
        "Writing is drawing a token, appending it, and asking again.",
        ("write",),
        "print(decode(write(bigram, [0], 200, seed)))",
    ),
    Step(
        "## 8 Averaging the past, in four versions\n\nA token should know what came before it. The"
        " simplest way: the mean of all positions up to its own. First with loops.",
        (),
        """
torch.manual_seed(seed)
B, T, C = 4, 8, 2
x = torch.randn(B, T, C)
averages = torch.zeros(B, T, C)
for b in range(B):
    for t in range(T):
        averages[b, t] = x[b, : t + 1].mean(dim=0)  # (t + 1, C) → (C,)
print(x[0], averages[0], sep="\\n")
""",
    ),
    Step(
        "Second: the same as a product with a triangular matrix whose rows sum to 1.",
        (),
        """
weights = torch.tril(torch.ones(T, T))
weights = weights / weights.sum(dim=1, keepdim=True)  # (T, T)
print(weights)
print(torch.allclose(weights @ x, averages, atol=1e-6))  # (T, T) @ (B, T, C) → (B, T, C)
""",
    ),
    Step(
        "Third: as a softmax of zeros, with −∞ for the future. Now weights may depend on scores.",
        (),
        """
scores = torch.zeros(T, T)
scores = scores.masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf"))
weights = torch.softmax(scores, dim=-1)
print(torch.allclose(weights @ x, averages, atol=1e-6))
""",
    ),
    Step(
        "## 9 Self-attention\n\nFourth: the scores come from the data. Every position sends out a"
        " query (what am I looking for?) and a key (what do I offer?); where they fit, the weight"
        " is large, and the value there is handed over.",
        ("Head",),
        """
torch.manual_seed(seed)
head = Head().eval()
y, weights = head(torch.randn(1, 8, n_embd))  # (1, 8, C) → (1, 8, D), (1, 8, 8)
print(tuple(y.shape))
print(weights[0])
""",
    ),
    Step(
        """
## 10 Notes on attention

- Attention is a way to **communicate**: nodes of a graph look at those that point to them and take
  a weighted sum of what they hold. Here node t is pointed to by itself and by all before it.
- It knows **no places**: it works on a set of vectors. Where a token stands has to be told to it.
- The texts of a batch are computed at once, but **never talk** to each other.
- With the mask this is a **decoder**: it may not see what it is to say. Without the mask it would
  be an encoder, for a text that is known as a whole.
- **Self**-attention takes queries, keys and values from the same x; in cross-attention keys and
  values come from somewhere else.
- It is **scaled** by 1/√D: a sum of D products has D times the variance, and softmax of large
  scores looks at one place only, from the first step on.
""",
        (),
        """
q, k = torch.randn(4, 8, 16), torch.randn(4, 8, 16)  # (B, T, D)
scores = q @ k.transpose(-2, -1)
print("variance of the scores", scores.var().item(), "scaled", (scores * 16**-0.5).var().item())
few = torch.tensor([0.1, -0.2, 0.3, -0.2, 0.5])
print(torch.softmax(few, dim=-1), torch.softmax(few * 8, dim=-1))
""",
    ),
    Step(
        "## 11 Layer norm\n\nEach position's numbers with mean 0 and variance 1, so that depth"
        " neither blows them up nor lets them fade.",
        (),
        """
x = 3 + 2 * torch.randn(32, 100)
by_hand = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5)
print(by_hand[0].mean().item(), by_hand[0].std().item())
print(torch.allclose(by_hand, nn.LayerNorm(100)(x), atol=1e-5))
""",
    ),
    Step(
        "## 12 The model of this run\n\nIts whole source, as it was trained.",
        ("build",),
        """
model = build(vocab_size)
print(model)
print(sum(p.numel() for p in model.parameters()), "parameters")
x, y = Batches(splits["train"], block_size, 4, seed).draw()
print("loss before the first step", model(x, y)[1].item(), "ln V", math.log(vocab_size))
""",
    ),
    Step(
        "## 13 Training\n\nThe same batches, weights and updates as in the run: on a CPU the first"
        " losses are those of its receipt, up to rounding.",
        ("train",),
        "losses = train(model, splits)",
    ),
    Step(
        "## 14 It writes",
        (),
        "start = encode(prompt, vocabulary).tolist() or [0]\n"
        "print(decode(write(model, start, 500, seed)))",
    ),
)
