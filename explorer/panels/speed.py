"""What the cache of keys and values saves: the same text written with it and without it, timed."""

import time
from collections.abc import Callable

import streamlit as st

import gpt
from explorer import frames, state
from explorer.charts.times import create_times_chart
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.model import Shown

COUNT = 100
REPEATS = 3
LIMIT = 8.0  # seconds each; a large model writes fewer tokens instead
WAYS = {"with the cache": True, "without it": False}
Written = tuple[str, list[float]]
NAMES = {"with the cache": message("With the cache"), "without it": message("Without it")}


def speed_panel(lesson: Lesson, shown: Callable[[], Shown], prompt: str) -> None:
    """A button that measures, then both speeds and the time of every token."""

    def body() -> None:
        model = shown()
        config = model.model.config
        if config.architecture == "bigram" or not config.causal:
            st.caption(
                say(
                    "The model chosen above keeps nothing: a bigram reads the last token alone, and"
                    " without the mask each new token changes what those before it say."
                )
            )
            return
        st.button(
            say("Measure"),
            key=f"{lesson.key}_measure",
            icon=":material/timer:",
            type="primary",
            on_click=state.put,
            args=(lesson, "measure", True),
            help=say(
                "Writes {n} tokens on this server, {times} times with the cache and {times} times"
                " without it, or as far as it gets in {seconds:g} seconds each.",
                n=COUNT,
                times=REPEATS,
                seconds=LIMIT,
            ),
        )
        if state.get(lesson, "measure"):
            state.put(lesson, "measure", False)
            with st.spinner(say("Writing the same text with and without the cache…")):
                state.put(lesson, "speed", (model.key, timed(model, prompt)))
        kept = state.get(lesson, "speed")
        if kept is not None and kept[0] == model.key:
            _show(lesson, model, kept[1])

    st.fragment(body)()


def timed(model: Shown, prompt: str) -> dict[str, Written]:
    """What each of WAYS writes, greedy, and the seconds that each token took.

    Each token counts with its quickest of at most REPEATS times: the others were held up by other
    work. Both ways are repeated equally often, or the quicker one would also be the luckier.
    """
    begin = time.perf_counter()
    rounds: list[dict[str, Written]] = []
    while len(rounds) < REPEATS:
        start = time.perf_counter()
        rounds.append({way: _write(model, prompt, cached) for way, cached in WAYS.items()})
        now = time.perf_counter()
        if now - begin + now - start > LIMIT * len(WAYS):
            break  # another round would take too long
    found = {}
    for way in WAYS:
        every = zip(*(written[way][1] for written in rounds), strict=False)  # to the shortest
        found[way] = rounds[0][way][0], [min(times) for times in every]
    return found


def _write(model: Shown, prompt: str, use_cache: bool) -> Written:
    """At most COUNT tokens, or what is written in LIMIT, and the seconds of each."""
    text, seconds = "", []
    begin = last = time.perf_counter()
    tokens = gpt.stream(
        model.model, model.tokenizer, prompt, COUNT, 0.0, use_cache=use_cache, unknown="drop"
    )
    for token in tokens:
        now = time.perf_counter()
        text += token.text
        seconds.append(now - last)
        last = now
        if now - begin > LIMIT:
            break
    return text, seconds


def _show(lesson: Lesson, model: Shown, found: dict[str, Written]) -> None:
    # The same tokens of both: the later ones of a longer text look back at more.
    count = min(len(seconds) for _, seconds in found.values())
    rates = {way: count / sum(seconds[:count]) for way, (_, seconds) in found.items()}
    texts = [written for written, _ in found.values()]
    same = texts[0].startswith(texts[1]) or texts[1].startswith(texts[0])
    numbers, chart = st.columns([1, 3], gap="medium")
    for way, rate in rates.items():
        numbers.metric(
            say(NAMES[way]),
            say("{rate:,.0f} a second", rate=rate),
            help=say("Tokens, measured over the first {n} of both.", n=count),
        )
    cached, plain = rates.values()
    numbers.metric(
        say("The cache is"),
        say("{ratio:.1f} × as fast", ratio=cached / plain),
        help=say("Their ratio, measured."),
    )
    times = frames.token_times({way: seconds for way, (_, seconds) in found.items()})
    with chart:
        st.altair_chart(create_times_chart(times), width="stretch", key=f"{lesson.key}_times")
    about = {"model": model.label, "times": REPEATS, "context": model.model.config.block_size}
    if same:
        said = say(
            "Model: {model}. Measured on this server; each token counts with the quickest of at"
            " most {times} times. Both ways wrote the same text, always the most probable token. A"
            " peak with the cache: the context of {context} was full, and the moved window is read"
            " anew.",
            **about,
        )
    else:
        said = say(
            "Model: {model}. Measured on this server; each token counts with the quickest of at"
            " most {times} times. Both ways wrote different texts, always the most probable token."
            " A peak with the cache: the context of {context} was full, and the moved window is"
            " read anew.",
            **about,
        )
    st.caption(said)
