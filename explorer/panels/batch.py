"""One batch as training draws it: where its windows lie, and every example they hold."""

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import cache, frames
from explorer.charts import draw
from explorer.charts.windows import WIDTH, create_split_chart, create_windows_chart
from explorer.language import count, say
from explorer.lessons import Lesson

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, targets, positions, each (B, T)


def batch_panel(lesson: Lesson, text: cache.Text) -> None:
    """Sliders for the batch's shape, a seed to step through batches, and the batch itself."""
    columns = st.columns([2, 2, 1, 2], vertical_alignment="bottom", gap="medium")
    B = columns[0].slider(
        say("Batch size (B): windows"),
        1,
        4,
        2,
        key=f"{lesson.key}_B",
        bind="query-params",
        help=say("Windows drawn at once. Training uses 12 to 64; four can still be read."),
    )
    T = columns[1].slider(
        say("Context (T): inputs in a window"),
        1,
        16,
        8,
        key=f"{lesson.key}_T",
        bind="query-params",
        help=say("block_size: how many {units} the model may look back at.", units=say(text.units)),
    )
    seed = columns[2].number_input(
        say("Seed"),
        0,
        2**31 - 1,
        1337,
        key=f"{lesson.key}_seed",
        bind="query-params",
        help=say("The same seed draws the same batch, here and in training."),
    )
    columns[3].button(
        say("Draw another batch"),
        key=f"{lesson.key}_draw",
        icon=":material/casino:",
        type="primary",
        on_click=_another,
        args=(f"{lesson.key}_seed", seed),
        help=say("The next seed: other places, the same shape."),
    )
    _show(lesson, text, draw_batch(text.train_ids, T, B, seed))


def draw_batch(ids: np.ndarray, block_size: int, batch_size: int, seed: int) -> Drawn:
    """The batch of `gpt.Batches` for this seed, and the place of each of its inputs in `ids` (N,).

    The places come from the same draw on the numbers 0, 1, 2, … in place of the text.
    """
    import torch

    def batch(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batches = gpt.Batches(torch.from_numpy(values), block_size, batch_size, seed)
        inputs, targets = batches.draw()
        return inputs.numpy(), targets.numpy()

    positions, _ = batch(np.arange(len(ids), dtype=np.int32))
    return *batch(ids), positions


def _another(key: str, seed: int) -> None:
    st.session_state[key] = (seed + 1) % 2**31


def _show(lesson: Lesson, text: cache.Text, batch: Drawn) -> None:
    inputs, targets, positions = batch
    B, T = inputs.shape
    places = positions[:, 0].tolist()
    tokens = text.tokenizer.tokens
    units = say(text.units)
    draw(
        create_split_chart,
        frames.split_parts(len(text.train_ids), len(text.val_ids), units),
        pd.DataFrame({"window": range(1, B + 1), "place": places}),
        key=f"{lesson.key}_split",
        unit=text.units,
    )
    st.caption(
        say(
            "▲ where each window of this batch begins: drawn at random, from the training part"
            " only. The validation part is kept for the exam."
        )
    )
    cells = frames.window_cells(text.train_ids, places, T, tokens)
    long = (cells["character"].str.len() > 1).any()
    # Long tokens need the whole width.
    beside = text.unit == "character"
    left, right = st.columns(2, gap="medium") if beside else (st.container(), st.container())
    with left:
        draw(
            create_windows_chart,
            cells,
            key=f"{lesson.key}_windows",
            lines=2 * B,
            room=WIDTH // cells["offset"].nunique() if long else 0,
        )
        st.caption(
            say(
                "Grey: the text around a window. The targets are the inputs one {unit} later, so"
                " each target stands right after the input that it is the answer to. Hover: id,"
                " place.",
                unit=say(text.unit),
            )
        )
    with right:
        _examples(lesson, frames.examples(inputs, targets, tokens), B, T)
    st.markdown(
        say(
            "inputs `x`: shape (B={B}, T={T}) · targets `y`: shape (B={B}, T={T}) · ids from 0 to"
            " {last}, because V = {V}",
            B=B,
            T=T,
            last=text.vocab_size - 1,
            V=text.vocab_size,
        )
    )


def _examples(lesson: Lesson, examples: pd.DataFrame, B: int, T: int) -> None:
    """The table of what every window says: see `frames.examples`."""
    st.markdown(
        count(
            B * T,
            "**When the input is … the target is …**: {B} × {T} = {n} example",
            "**When the input is … the target is …**: {B} × {T} = {n} examples",
            B=B,
            T=T,
        )
    )
    config = st.column_config
    st.dataframe(
        examples,
        hide_index=True,
        height=38 + 35 * min(B * T, 8),
        column_config={
            "window": config.NumberColumn(say("window"), width=60, help=say("b, from 1 to B.")),
            "t": config.NumberColumn(width=40, help=say("How many inputs are seen.")),
            "input": config.TextColumn(say("when the input is")),
            "target": config.TextColumn(say("the target is")),
            "target id": config.NumberColumn(say("its id"), width=50),
            "input ids": config.TextColumn(say("input ids")),
        },
        key=f"{lesson.key}_examples",
    )
