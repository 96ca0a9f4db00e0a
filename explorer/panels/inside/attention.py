"""All heads at a glance, one of them enlarged, and what each looks at, in numbers."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, habits, inspected, state
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.panels.attention import CAUTION, OFF_VIEW
from explorer.panels.head_map import head_map
from explorer.panels.inside import reading as selection
from explorer.panels.inside.dots import dots_panel
from explorer.panels.inside.look import VIEW
from explorer.panels.inside.reading import Reading

LAYER_ORDER = message("layer and head")
NAMES = {
    LAYER_ORDER: LAYER_ORDER,
    **habits.SHORT,
    "entropy": message("entropy"),
    "distance": message("distance"),
}
THIS_TEXT, DOUBLED = message("this text"), message("random tokens, said twice")
ALL_HEADS, ANY_HABIT = message("all heads"), message("any clear habit")


def attention_view(reading: Reading) -> None:
    """The map of all heads, its words, the caution, and the table of scores."""
    if not reading.has_heads:
        st.info(say("The bigram has no attention heads: it only knows the last token."))
        return
    lesson, scores = reading.lesson, reading.scores()
    chosen = _map(reading)
    if chosen != (reading.layer, reading.head):
        selection.clicked_head(reading.selects, *chosen)
        st.rerun()
    sentence = habits.sentence(scores, reading.layer, reading.head)
    st.markdown(say("{sentence} (Measured.)", sentence=sentence))
    dots_panel(reading)
    words, button = reading.columns([4, 1], vertical_alignment="center")
    words.caption(say(CAUTION))
    name = habits.name(reading.layer, reading.head)
    button.button(
        say("Switch {head} off", head=name),
        key=f"{lesson.key}_off_now",
        icon=":material/toggle_off:",
        on_click=_switch_off,
        args=(reading,),
        help=say("What does the model say without this head?"),
        width="stretch",
    )
    scores_table(reading)


def _map(reading: Reading) -> tuple[int, int]:
    """The map of all heads, which can be sorted and faded by the score of the table below it."""
    by = st.session_state.get(f"{reading.lesson.key}_sorted_by", LAYER_ORDER)
    return head_map(
        reading.shown,
        reading.ids,
        key=f"{reading.lesson.key}_{selection.MAP}",
        by=by if by in NAMES and by != LAYER_ORDER else None,  # whatever a browser says it is
        height=420,
        selected=selection.asked_of_map(reading),
        link=reading.link,
    )


def _switch_off(reading: Reading) -> None:
    name = habits.name(reading.layer, reading.head)
    st.session_state[f"{reading.selects.key}_{VIEW}"] = OFF_VIEW
    selection.want(reading.lesson, "off_heads", [name])


def scores_table(reading: Reading) -> None:
    """Every head's scores beside an even head's: sorted and filtered; a ticked row is chosen."""
    lesson = reading.lesson
    where, order, kind = reading.columns([3, 2, 2], vertical_alignment="bottom")
    on = where.segmented_control(
        say("Scored on"),
        [THIS_TEXT, DOUBLED],
        default=THIS_TEXT,
        format_func=say,
        key=f"{lesson.key}_scored_on",
        required=True,
        help=say(
            "In random tokens nothing can be foreseen but the repetition: a head that finds it"
            " there does not owe it to the language."
        ),
    )
    scores, said = _scores(reading, on or THIS_TEXT)
    if scores is None:
        st.info(said)
        return
    by, only = _ask_rows(lesson, order, kind)
    table = _arranged(inspected.head_table(scores), by, only)
    if table.empty:
        st.info(say("No head has such a habit on this text."))
        return
    _draw(reading, table, scores, f"{on} {by} {only}")
    st.caption(
        say(
            "Measured on {text}. In brackets: the same of a head that spreads its weight evenly; a"
            " score near it says nothing. Entropy: 1 is an even spread, 0 all on one token."
            " Empty: the text has no such place. Tick a row to choose a head.",
            text=said,
        )
    )


def _ask_rows(lesson: Lesson, order: Any, kind: Any) -> tuple[str, str]:
    """By which score the rows are sorted, and which of them are shown."""
    by = order.selectbox(
        say("Sort by"),
        list(NAMES),
        format_func=lambda score: say(NAMES[score]),
        key=f"{lesson.key}_sorted_by",
        help=say(
            "Which score stands first, the largest at the top; the map sorts and fades by it too."
        ),
    )
    only = kind.selectbox(
        say("Show"),
        [ALL_HEADS, ANY_HABIT, *habits.SHORT.values()],
        format_func=say,
        key=f"{lesson.key}_only",
        help=say(
            "A habit is clear when the head gives {share:.0%} of its weight more to such places"
            " than an even head would.",
            share=habits.CLEAR,
        ),
    )
    return by, only


def _arranged(table: pd.DataFrame, by: str, only: str) -> pd.DataFrame:
    if by != LAYER_ORDER:
        table = table.sort_values(by, ascending=False, kind="stable")
    if only == ANY_HABIT:
        table = table[table["clear"]]
    elif only != ALL_HEADS:
        table = table[table["clear"] & (table["habit"].map(habits.SHORT) == only)]
    return table.reset_index(drop=True)


def _draw(
    reading: Reading, table: pd.DataFrame, scores: dict[str, "gpt.HeadScore"], shown: str
) -> None:
    lesson = reading.lesson
    columns = {
        name: st.column_config.ProgressColumn(
            f"{say(habits.BRIEF[name])} ({scores[name].uniform:.2f})",
            format="%.2f",
            min_value=0,
            max_value=1,
            width=96,
            help=say(
                "Share of its weight on {places}; in brackets: of an even head.", places=say(places)
            ),
        )
        for name, places in habits.SHARES.items()
    }
    even = scores["distance"].uniform
    event = st.dataframe(
        table.drop(columns=["habit", "clear"]),
        hide_index=True,
        height=38 + 35 * min(len(table), 8),
        on_select="rerun",
        selection_mode="single-row",
        key=f"{lesson.key}_heads_{shown}_{state.get(lesson, 'ticks', 0)}",
        column_config={
            "head": st.column_config.TextColumn(say("head"), width=50),
            **columns,
            "entropy": st.column_config.NumberColumn(say("entropy (1)"), format="%.2f", width=80),
            "distance": st.column_config.NumberColumn(
                say("distance ({even:.1f})", even=even), format="%.1f", width=80
            ),
        },
    )
    ticked = event["selection"]["rows"]
    if ticked:
        layer, head = (int(part) - 1 for part in table["head"][ticked[0]].split("."))
        state.put(lesson, "ticks", state.get(lesson, "ticks", 0) + 1)  # unticked: it is chosen now
        selection.choose_head(reading.selects, layer, head)
        st.rerun()


def _scores(reading: Reading, on: str) -> tuple[dict[str, "gpt.HeadScore"] | None, str]:
    """The scores to show and what they were measured on, or None and the reason."""
    if on == THIS_TEXT:
        return reading.scores(), say("the {n} tokens of the text above", n=len(reading.ids))
    try:
        found = induction(reading)
    except gpt.GPTError as error:
        return None, explain(error)
    return found.heads, say(
        "{n} blocks of {length} different random tokens, each said twice: the model pays"
        " {first:.2f} nats a token the first time and {second:.2f} the second",
        n=found.draws,
        length=found.block,
        first=found.first_loss,
        second=found.repeated_loss,
    )


def induction(reading: Reading) -> "gpt.InductionScores":
    """Scores on blocks said twice; raises GPTError where they do not fit into the context.

    Of tokens with something to see: a newline would end what the model is to remember.
    """
    vocabulary = reading.shown.tokenizer.tokens
    seen = [i for i, token in enumerate(vocabulary) if token.strip()]
    compute = partial(gpt.induction_scores, reading.model, tokens=seen)
    return cache.measured("induction", reading.shown.key, (), compute)
