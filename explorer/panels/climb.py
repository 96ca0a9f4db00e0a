"""Climb the ladder: one press trains every rung that is missing, and one chart shows them all.

Which runs belong to the climb is read off the runs themselves (their settings, text and seed), so
it is the same after a reload, in another tab, and for runs that other pages began.
"""

import threading

import streamlit as st

from explorer import amounts, cache, ladder, remaining, workspace
from explorer.ladder import Rung
from explorer.language import count, message, say
from explorer.lessons import Lesson
from explorer.panels import choice, climbed, question, training
from explorer.panels.climbed import Climbed, look
from explorer.panels.samples import Author, author, samples_panel
from explorer.runs import states

POLL_SECONDS = 2.0
TUTORIAL, EQUAL = message("the tutorial's"), message("the same for all")
REASON = message(
    "Blocks change several things at once, which page 6 takes apart. Gains of a hundredth are"
    " within the luck of the first weights: climb again with another seed."
)

_climbing = threading.Lock()  # two clicks at one moment: the second finds the runs of the first


def choose(lesson: Lesson) -> list[Rung]:
    """The controls of the climb; returns its rungs."""
    places = st.columns([2, 1, 1, 2], vertical_alignment="bottom")
    with places[0]:
        mode = _choose_mode(lesson)
    with places[1]:
        steps = st.number_input(
            say("Steps of each"),
            10,
            20_000,
            1000,
            key=f"{lesson.key}_steps",
            bind="query-params",
            disabled=mode != EQUAL,
            help=say("Optimizer updates of every rung, when it is the same number for all."),
        )
    with places[2]:
        seed = st.number_input(
            say("Seed"),
            0,
            2**31 - 1,
            1337,
            key=f"{lesson.key}_seed",
            bind="query-params",
            help=say("Decides the first weights and the batches, the same for every rung."),
        )
    with places[3]:
        laptop = st.toggle(
            say("With the laptop GPT on top"),
            key=f"{lesson.key}_laptop",
            bind="query-params",
            help=say(
                "A longer last rung: more layers, width and context, and a better recipe. It"
                " changes more than one idea."
            ),
        )
    return ladder.rungs(int(seed), int(steps) if mode == EQUAL else None, bool(laptop))


def _choose_mode(lesson: Lesson) -> str:
    """TUTORIAL or EQUAL."""
    return choice.choose(
        say("Steps"),
        [TUTORIAL, EQUAL],
        key=f"{lesson.key}_mode",
        help=say(
            "The tutorial trains the bigram for 3,000 steps and the others for 5,000. The same"
            " number for all compares the ideas at equal steps."
        ),
    )


def climb_panel(
    lesson: Lesson, rungs: list[Rung], text: cache.Text, answer: question.Answer
) -> None:
    """The button, the charts, the table; grades `answer`, the title of the rung that gains most."""
    polling = any(one.active for one in look(rungs, text))

    def body() -> None:
        workspace.say_trouble()
        found = look(rungs, text)
        _buttons(lesson, found, text)
        climbed.curves_panel(lesson, found, text)
        steps = ladder.steps(
            [one.rung.title for one in found],
            [one.loss for one in found],
            text.references["knows nothing (ln V)"],
        )
        climbed.steps_panel(lesson, steps, text)
        best = ladder.greatest(steps)
        title = best.title if best else None
        question.grade_choice(answer, title, say(REASON), press=say("Climb"))
        if any(one.run for one in found):
            climbed.rungs_table(lesson, found, steps, text)
        if any(one.active for one in found) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


# --- buttons ---------------------------------------------------------------------------------


def _buttons(lesson: Lesson, found: list[Climbed], text: cache.Text) -> None:
    missing = [one for one in found if not one.active and not one.done]
    active = [one for one in found if one.active]
    with st.container(horizontal=True):
        st.button(
            _press(found, missing),
            key=f"{lesson.key}_climb",
            type="primary",
            icon=":material/stairs:",
            disabled=not missing,
            on_click=_climb,
            args=(lesson, [one.rung for one in found], text),
            help=say(
                "Trains the rungs that are missing, in the background; a run that has exactly"
                " these settings, text and seed is taken, whichever page began it."
            ),
        )
        if len(active) > 1:
            _stop_button(f"{lesson.key}_stop", say("Stop all"), active)
        for one in active:
            label = say("Stop {rung}", rung=say(one.rung.title))
            _stop_button(f"{lesson.key}_stop_{one.number}", label, [one])
    _say_time(missing, active, text)


def _press(found: list[Climbed], missing: list[Climbed]) -> str:
    if not missing:
        return say("All rungs are trained") if all(one.done for one in found) else say("Climbing…")
    if len(missing) == len(found):
        return say("Climb the ladder")
    return count(len(missing), "Climb: {n} rung missing", "Climb: {n} rungs missing")


def _stop_button(key: str, label: str, active: list[Climbed]) -> None:
    st.button(
        label,
        key=key,
        icon=":material/stop:",
        on_click=_stop,
        args=([one.run.id for one in active if one.run],),
        help=say("Saves everything and ends here; the next climb goes on from there."),
    )


def _stop(run_ids: list[str]) -> None:
    for run_id in reversed(run_ids):  # those that wait first, so that none begins meanwhile
        workspace.command(run_id, "stop")


def _say_time(missing: list[Climbed], active: list[Climbed], text: cache.Text) -> None:
    seconds = remaining.series_left([(m.rung.preset, m.run) for m in missing], text.vocab_size)
    if active:
        waiting = sum(one.state == states.QUEUED for one in active)
        st.caption(
            say(
                "{training} in training, {waiting} waiting. They go on when you leave the page.",
                training=len(active) - waiting,
                waiting=waiting,
            )
        )
    elif missing and seconds is not None:
        st.caption(
            say(
                "Missing: {rungs}; about {time} in all on this machine (derived).",
                rungs=", ".join(say(one.rung.title) for one in missing),
                time=amounts.duration(seconds),
            )
        )


def _climb(lesson: Lesson, rungs: list[Rung], text: cache.Text) -> None:
    """Hand over what is missing, lowest rung first; go on with what was left."""
    with _climbing:
        for one in look(rungs, text):
            if one.active or one.done:
                continue
            if one.run is not None and one.state != states.FAILED:
                workspace.command(one.run.id, "continue")
                continue
            run = training.new_run(lesson, one.rung.preset, text)
            if run is None:
                return
            workspace.submit(run.id)


# --- samples ---------------------------------------------------------------------------------


def rung_samples(lesson: Lesson, rungs: list[Rung], text: cache.Text) -> None:
    """What every finished rung writes after one prompt."""
    polling = any(one.active for one in look(rungs, text))

    def body() -> None:
        samples_panel(lesson, [_author(one) for one in look(rungs, text)], "rungs")

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


def _author(one: Climbed) -> Author:
    if one.run is None or not one.done:
        reason = say("In training.") if one.active else say("Not trained yet.")
        return Author(one.label, None, reason)
    return author(one.label, one.run.folder / "checkpoint")
