"""Switching parts off: what does the model say without them, beside what it says with them?"""

from functools import partial
from typing import Any

import streamlit as st

import gpt
from explorer import habits, inspected
from explorer.amounts import percent
from explorer.charts.inside import create_next_tokens_chart
from explorer.components.token_strip import token_strip
from explorer.language import explain, message, say
from explorer.panels.inside.reading import Reading, begin, keep
from explorer.panels.inside.tokens import MOST, probabilities, token_losses
from explorer.panels.inside.windows import validation_windows
from explorer.panels.picture import picture

SAMPLE = 80  # tokens written with and without
TEMPERATURE, SEED = 0.8, 1
ZERO, MEAN = message("nothing (zero)"), message("their mean")
KINDS = {ZERO: "zero", MEAN: "mean"}
PARTS = {
    "attention": message("attention {n}"),
    "feed-forward": message("feed-forward {n}"),
    "block": message("block {n}"),
    "positions": message("positions"),
}


def switch_off_view(reading: Reading) -> None:
    """Choosers of what is off; below them loss, next token and a sample, with and without."""
    if not reading.has_heads:
        st.info(say("The bigram is one table: it has no parts to switch off."))
        return
    ablation = _ask(reading)
    if ablation == gpt.inspection.Ablation(kind=ablation.kind):
        st.info(say("Choose something to switch off."))
        return
    try:
        means, where = _means(reading, ablation.kind)
        without = gpt.ablated(reading.model, ablation, means)
    except gpt.GPTError as error:
        st.warning(explain(error))
        return
    _compare(reading, ablation, without, f"off {_key(ablation)} {where}")


def _ask(reading: Reading) -> "gpt.Ablation":
    config, lesson = reading.model.config, reading.lesson
    L, H = config.n_layer, config.n_head
    heads = {habits.name(layer, h): (layer, h) for layer in range(L) for h in range(H)}
    parts = _larger_parts(config)
    chosen = habits.name(reading.layer, reading.head)
    left, middle, right = reading.columns([5, 5, 4], vertical_alignment="bottom")
    off_heads = left.multiselect(
        say("Heads off"),
        list(heads),
        key=begin(lesson, "off_heads", lambda known: _known(known, heads, [chosen])),
        help=say("Layer and head, counted from 1. Several may be off at once."),
    )
    off_parts = middle.multiselect(
        say("Larger parts off"),
        list(parts),
        format_func=_part,
        key=begin(lesson, "off_parts", lambda known: _known(known, parts, [])),
        help=say(
            "A whole attention or feed-forward of a layer, a whole block (it hands on what it was"
            " given), or the positions (the model then cannot tell what stands where)."
        ),
    )
    kind = right.segmented_control(
        say("In their place"),
        list(KINDS),
        default=ZERO,
        format_func=say,
        key=f"{lesson.key}_off_kind",
        required=True,
        help=say(
            "Zero is what later layers have never met. The mean of what a part says keeps all but"
            " what it knows of this text."
        ),
    )
    keep(lesson, "off_heads", off_heads, [chosen])
    keep(lesson, "off_parts", off_parts, [])
    by_kind: dict[str, set[int]] = {"attention": set(), "feed_forwards": set(), "blocks": set()}
    for name in off_parts:
        where, layer = parts[name]
        by_kind.setdefault(where, set()).add(layer)
    return gpt.Ablation(
        heads={heads[name] for name in off_heads},
        positions=bool(by_kind.pop("positions", None)),
        kind=KINDS[kind or ZERO],
        **by_kind,
    )


def _larger_parts(config: Any) -> dict[str, tuple[str, int]]:
    """Such as "block 2" → ("blocks", 1): a field of an ablation, and the layer."""
    L = config.n_layer
    parts = {f"attention {layer + 1}": ("attention", layer) for layer in range(L)}
    if config.feed_forward:
        parts |= {f"feed-forward {layer + 1}": ("feed_forwards", layer) for layer in range(L)}
    parts |= {f"block {layer + 1}": ("blocks", layer) for layer in range(L)}
    if config.positions != "none":
        parts["positions"] = ("positions", 0)
    return parts


def _part(name: str) -> str:
    """A name of `_larger_parts`, as a person reads it."""
    kind, _, number = name.partition(" ")
    return say(PARTS[kind], n=number)


def _known(wanted: Any, names: Any, default: list[str]) -> list[str]:
    """What of `wanted`, a list or its text in the address, there is among `names`."""
    if wanted is None:
        return default
    asked = wanted.split(", ") if isinstance(wanted, str) else wanted
    return [name for name in asked if name in names]


def _means(reading: Reading, kind: str) -> tuple[Any, str]:
    """The means over held-out text, or over this text where there is no other, and which it is."""
    if kind == "zero":
        return None, ""
    windows = validation_windows(reading.shown)
    x, where = (windows.x, windows.key) if windows else (reading.idx, "this text")
    compute = partial(gpt.mean_activations, reading.model, x)
    return reading.measured(f"means {where}", compute), where


def _compare(reading: Reading, ablation: "gpt.Ablation", without: Any, name: str) -> None:
    """name: tells `without` from the model without other parts, or with other means in place."""

    def compute() -> Any:
        logits = gpt.trace(without, reading.idx, ["logits"])["logits"]  # (1, T, V)
        lost = gpt.inspection.token_losses(logits, reading.idx)[0].tolist()
        return lost, logits[0, reading.position].float().softmax(-1)

    after, q = reading.measured(f"{name} {reading.position}", compute)
    before = token_losses(reading)
    intact, now = sum(before) / len(before), sum(after) / len(after)
    p = probabilities(reading)
    _numbers(intact, now, p, q)
    about = {
        "parts": _words(ablation),
        "before": intact,
        "now": now,
        "token": reading.token(reading.position),
    }
    if int(p.argmax()) == int(q.argmax()):
        said = say(
            "Without {parts} the loss on this text goes from {before:.3f} to {now:.3f} nats a"
            " token; after {token} the first choice stays the same. (Measured.)",
            **about,
        )
    else:
        said = say(
            "Without {parts} the loss on this text goes from {before:.3f} to {now:.3f} nats a"
            " token; after {token} the first choice is another one. (Measured.)",
            **about,
        )
    st.markdown(said)
    left, right = reading.columns(2, gap="large")
    with left:
        _bars(reading, q, p)
    with right:
        token_strip(
            list(reading.ids),
            reading.tokens,
            key=f"{reading.lesson.key}_lost",
            values=[None, *(a - b for a, b in zip(after, before, strict=True))],
            value_label=say("loss without − loss intact (nats)"),
        )
    _samples(reading, ablation, without, name)


def _numbers(intact: float, now: float, p: Any, q: Any) -> None:
    """The loss with and without, and what the first choice by p (V,) gets from q (V,)."""
    row = st.container(horizontal=True, gap="large")
    row.metric(
        say("Loss, intact"),
        say("{loss:.3f} nats", loss=intact),
        help=say("Mean loss on this text."),
        width="content",
    )
    row.metric(
        say("Loss without"),
        say("{loss:.3f} nats", loss=now),
        f"{now - intact:+.3f}",
        delta_color="inverse",
        help=say("On the same text; a rise means that what is off helped here."),
        width="content",
    )
    best = int(p.argmax())
    row.metric(
        say("Its first choice, intact"),
        percent(p[best].item()),
        say("{change:+.1f} points", change=100 * (q[best] - p[best]).item()),
        help=say(
            "The probability of what the intact model would say next after the chosen position."
        ),
        width="content",
    )


def _bars(reading: Reading, q: Any, p: Any) -> None:
    i = reading.position
    true = reading.ids[i + 1] if i + 1 < len(reading.ids) else None
    table = inspected.next_tokens(q, reading.shown.tokenizer.tokens, MOST, true, beside=p)
    chart = create_next_tokens_chart(table)
    picture(chart, f"{reading.lesson.key}_off_next", "next token without")
    st.caption(say("Bars: without it; red mark: the intact model; green: what the text says next."))


def _samples(reading: Reading, ablation: "gpt.Ablation", without: Any, name: str) -> None:
    """A text from the same seed, intact and without: begun by what stands up to the position."""
    tokenizer = reading.shown.tokenizer
    prompt = tokenizer.decode(list(reading.ids[: reading.position + 1]))

    def written(model: Any) -> str:
        text = gpt.generate(
            model, tokenizer, prompt, SAMPLE, TEMPERATURE, seed=SEED, unknown="drop"
        )
        return text[len(prompt) :]

    i, words = reading.position, _words(ablation)
    how = {"seed": SEED, "temperature": TEMPERATURE}
    intact = say(
        "Goes on after the position, the intact model (seed {seed}, temperature {temperature}):",
        **how,
    )
    off = say(
        "Goes on after the position, without {parts} (seed {seed}, temperature {temperature}):",
        parts=words,
        **how,
    )
    both = (("intact", intact, reading.model), (name, off, without))
    for column, (whose, said, model) in zip(reading.columns(2, gap="large"), both, strict=True):
        column.caption(said)
        text = reading.measured(f"sample {whose} {i}", partial(written, model))
        column.code(text or " ", language=None, wrap_lines=True, height=120)


def _words(ablation: "gpt.Ablation") -> str:
    """What is off, in words, such as "head 2.1, block 3 (their mean in place)"."""
    parts = [say("head {name}", name=habits.name(*head)) for head in sorted(ablation.heads)]
    for kind, layers in (
        ("attention", ablation.attention),
        ("feed-forward", ablation.feed_forwards),
        ("block", ablation.blocks),
    ):
        parts += [say(PARTS[kind], n=layer + 1) for layer in sorted(layers)]
    if ablation.positions:
        parts.append(say("positions"))
    said = ", ".join(parts)
    if ablation.kind == "mean":
        return say("{parts} (the mean in its place)", parts=said)
    return said


def _key(ablation: "gpt.Ablation") -> str:
    """Tells one ablation from another, in any language."""
    fields = (ablation.heads, ablation.attention, ablation.feed_forwards, ablation.blocks)
    parts = " ".join(str(sorted(field)) for field in fields)
    return f"{parts} {ablation.positions} {ablation.kind}"
