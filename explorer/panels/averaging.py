"""Averaging the past on the learner's text: the four versions as matrices, and that they agree."""

import streamlit as st

import gpt
from explorer import averaging, cache, lessons
from explorer.averaging import ATTENTION, LOOPS, MATMUL, SOFTMAX, VERSIONS, Example
from explorer.components.matrices import Dot, Matrix, matrices
from explorer.lessons import Lesson
from explorer.panels import model
from explorer.panels.model import Shown

T = 8  # characters; the tutorial's context
TRAINED = "a trained model's"
NUMBERS = {"2 random numbers": 2, "4 random numbers": 4, TRAINED: 0}


def choose_example(lesson: Lesson, text: cache.Text, example: str) -> Example | None:
    """A text box and where its vectors come from -> the first characters as a model reads them.

    None, and a sentence on the page, when fewer than two of them can be read.
    """
    left, right = st.columns([3, 2], gap="medium")
    read = left.text_input(
        "Text to average",
        example,
        key=f"{lesson.key}_read",
        bind="query-params",
        max_chars=200,
        help=f"Any text: its first {T} characters are used, spaces included.",
    )
    numbers = right.segmented_control(
        "Each character stands for",
        list(NUMBERS),
        default=next(iter(NUMBERS)),
        key=f"{lesson.key}_numbers",
        bind="query-params",
        required=True,
        help="x, the vectors that are averaged: drawn at random, as in the tutorial, or what the"
        " trained model of page 4 has learnt for these characters at these places.",
    )
    shown = _trained(text) if numbers == TRAINED else _drawn(text, NUMBERS[numbers])
    return _example(shown, read)


def _drawn(text: cache.Text, C: int) -> Shown:
    return model.untrained(gpt.PRESETS["self_attention"].with_settings({"n_embd": C}), text)


def _trained(text: cache.Text) -> Shown:
    """The learner's own run of page 4 if its head is as it is written here, else the shipped."""
    own = model.of_page(lessons.BY_KEY["self_attention"], gpt.PRESETS["self_attention"], text)
    shipped = cache.pretrained().get("self_attention")
    if shipped is None or (own.step > 0 and _is_plain(own.model.config)):
        return own
    try:
        changed = cache.changed_in(str(shipped))
        network, tokenizer, card = cache.checkpoint(str(shipped), changed)
    except (OSError, gpt.GPTError) as error:
        st.warning(f"The shipped model cannot be used, so an untrained one takes its place: {error}")
        return model.untrained(gpt.PRESETS["self_attention"], text)
    step = int(card["step"])
    label = f"the shipped `self_attention`, after {step:,} steps"
    return Shown(network, tokenizer, step, label, f"{shipped}@{changed}")


def _is_plain(config: gpt.ModelConfig) -> bool:
    """Whether a head with these settings is the fourth version and nothing more."""
    scaled = config.attention_scale == "head_size"
    return scaled and config.causal and config.positions != "rotary" and not config.qk_norm


def _example(shown: Shown, text: str) -> Example | None:
    import torch

    most = min(T, shown.model.config.block_size)
    ids = shown.tokenizer.encode(text, unknown="drop")[:most]
    if strange := shown.tokenizer.unknown(text[:most]):
        names = ", ".join(f"{u.character!r} ({u.name})" for u in strange[:3])
        st.caption(f"Left out, the training text never had them: {names}.")
    if len(ids) < 2:
        st.info("Type at least two characters that the training text knows.")
        return None
    x = cache.trace(shown.model, tuple(ids), shown.key)["attention_input"][0]  # (T, C)
    tokens = [shown.tokenizer.decode([i]) for i in ids]
    head = shown.model.blocks[0].attention.heads()[0]
    return Example(tokens, torch.from_numpy(x), head, shown.label)


def versions_panel(lesson: Lesson, example: Example) -> None:
    """A chooser of the version, its matrices, and how far all of them are apart."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    version = left.segmented_control(
        "Version",
        VERSIONS,
        default=MATMUL,
        key=f"{lesson.key}_version",
        bind="query-params",
        required=True,
        help="Four ways to write one computation, from the plainest to self-attention.",
    )
    equal = right.toggle(
        "All scores equal",
        key=f"{lesson.key}_equal",
        bind="query-params",
        disabled=version != ATTENTION,
        help="Attention with query weights of 0: it asks nothing, every score is 0, and what is"
        " left is the plain average.",
    )
    drawn = _matrices(example, version, equal)
    matrices(drawn, key=f"{lesson.key}_{version.replace(' ', '_')}", height=520)
    st.caption(_said(example, version, equal))
    _agreement(example)


def _matrices(example: Example, version: str, equal: bool) -> list[Matrix]:
    import torch

    x, names = example.x, example.tokens
    if version == ATTENTION:
        return _of_attention(example, equal)
    t_by_c = {"rows": names, "columns": [str(c) for c in range(x.shape[1])], "link_rows": True}
    given = Matrix("x", x.numpy(), title="x", caption="what is averaged", **t_by_c)
    output = {"name": "output", "title": "output", **t_by_c}
    if version == LOOPS:
        averages = gpt.average_with_loops(x[None])[0]
        caption = "row t: the average of rows 1 … t of x"
        return [given, Matrix(values=averages.numpy(), caption=caption, before="→", **output)]
    average = gpt.average_with_matmul if version == MATMUL else gpt.average_with_softmax
    out, weights = average(x[None])
    past = torch.ones(len(names), len(names)).tril()
    square = {"rows": names, "columns": names, "group": "TT"}
    square |= {"sentence": "‘{row}’ takes from ‘{column}’"}
    begin = [Matrix("ones", past.numpy(), title="lower triangle of ones", **square)]
    if version == SOFTMAX:
        masked = torch.zeros_like(past).masked_fill(past == 0, float("-inf"))
        caption = "0: the past; hatched: the future, −∞"
        begin = [Matrix("scores", masked.numpy(), title="scores, masked", caption=caption, **square)]
    how = "softmax of each row" if version == SOFTMAX else "each row divided by its sum"
    probability = {"palette": "probability", "scale_max": 1.0, "before": "→"}
    return [
        *begin,
        Matrix("weights", weights.numpy(), title="weights", caption=how, **square, **probability),
        Matrix("x", x.numpy(), title="x", caption="what is averaged", before="·", **t_by_c),
        Matrix(
            values=out[0].numpy(), caption="weights · x", dot=Dot("weights", "x"), before="=", **output
        ),
    ]


def _of_attention(example: Example, equal: bool) -> list[Matrix]:
    head = averaging.without_query(example.head) if equal else example.head
    steps = {name: part.numpy() for name, part in gpt.attention_steps(head, example.x).items()}
    names = example.tokens
    t_by_d = {"rows": names, "columns": [str(d) for d in range(steps["value"].shape[1])]}
    square = {"rows": names, "columns": names, "group": "TT"}
    look = Dot("Q", "K", transpose_right=True, scale=head.scale)
    masked = f"Q·Kᵀ × {head.scale:.4f}, the future −∞"
    probability = {"palette": "probability", "scale_max": 1.0}
    asks = "0: asks nothing" if equal else "what each position asks"
    return [
        Matrix("Q", steps["query"], title="queries", caption=asks, concept="query", **t_by_d),
        Matrix("K", steps["key"], title="keys", caption="what each offers", concept="key", **t_by_d),
        Matrix("scores", steps["masked"], title="scores, masked", caption=masked, dot=look, **square),
        Matrix("weights", steps["weights"], title="weights", before="→", **square, **probability)
        ,
        Matrix("V", steps["value"], title="values", before="·", concept="value", **t_by_d),
        Matrix("output", steps["output"], title="output", before="=", dot=Dot("weights", "V"), **t_by_d),
    ]
