"""A tab on the app, as a person sees it, and what its runs say on the disk."""

import json
import re
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

import gpt
from explorer.runs.run import Run
from explorer.runs.states import FINISHED
from explorer.runs.store import RunStore

SOON = 60_000  # ms; generous, since test machines are busy


def new_tab(browser, scheme="light"):
    """A tab that keeps what goes wrong in it (`trouble`) and what it tells the server (`sent`)."""
    page = browser.new_page()
    page.emulate_media(color_scheme=scheme)
    page.trouble, page.sent = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("dialog", lambda dialog: page.trouble.append(dialog.message))
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: page.sent.append(frame)))
    return page


def _keep_errors(page, message):
    # Streamlit looks for its own files below the page's address first; those are its 404s.
    if message.type == "error" and "404" not in message.text:
        page.trouble.append(message.text)


class Visit:
    """A tab on the app, with everything that went wrong in it. A tab that an earlier visit has
    closed, and blanked, is taken again: a new one starts a process and costs a second more."""

    blank: ClassVar[list[Any]] = []

    def __init__(self, browser, scheme="light"):
        self.page = self.blank.pop() if self.blank else self._new(browser)
        self.page.emulate_media(color_scheme=scheme)
        self.page.bring_to_front()
        self.trouble, self.sent = self.page.trouble, self.page.sent = [], []

    @staticmethod
    def _new(browser):
        page = new_tab(browser)
        page.on("console", lambda message: _keep_errors(page, message))
        return page

    def open(self, server, address=""):
        self.page.goto(f"{server.address}/{address}")
        self.page.wait_for_selector("h1", timeout=SOON)
        return self

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True).first

    def wait_text(self, text, timeout=SOON):
        self.page.get_by_text(text).first.wait_for(timeout=timeout)

    def rest(self):
        """Wait until nothing is drawn anew: a click in the middle of it may fall between two."""
        at_rest = "[data-testid=stApp][data-test-script-state=notRunning]"
        self.page.locator(at_rest).wait_for(timeout=SOON)

    def answer(self, choice):
        """Choose this answer of a question."""
        self.page.locator("[role=radiogroup] label").get_by_text(choice, exact=True).click()

    def wait_grade(self, right, *said):
        """Wait for the grade, right or wrong, that says all of this, and for no other to say it."""
        kinds = {True: "Success", False: "Warning"}
        grade = self.page.get_by_test_id(f"stAlertContent{kinds[right]}")
        for words in said:
            grade = grade.filter(has_text=words)
        grade.wait_for(timeout=SOON)
        other = self.page.get_by_test_id(f"stAlertContent{kinds[not right]}")
        other.filter(has_text=said[-1]).wait_for(state="detached", timeout=SOON)

    def run_id(self):
        self.page.wait_for_url(re.compile(r"[?&]run="), timeout=SOON)
        return re.search(r"run=([0-9a-f-]+)", self.page.url).group(1)

    def leave(self):
        """Leave the app: its session ends as in a closed tab, and its answers are forgotten."""
        self.page.evaluate("() => location.origin === 'null' || localStorage.clear()")
        self.page.goto("about:blank")
        self.blank.append(self.page)

    def close(self):
        """Leave the app; the test fails if anything went wrong in it."""
        boxes = self.page.locator("[data-testid=stException]").all_inner_texts()
        broken = self.page.get_by_text("BidiComponent Error").count()
        dialogs = self.page.get_by_text("Page not found").count()
        self.leave()
        assert not boxes, boxes
        assert not broken
        assert not dialogs
        assert not self.trouble, self.trouble


def finished_run(runs: Path, page: str, preset: gpt.Preset, **more: object) -> Run:
    """A run of a page on the text that needs no network, as if it had been trained to the end."""
    spec = gpt.describe_run(preset, gpt.load_corpus("python_docs"), "cpu") | {"page": page}
    run = RunStore(runs).create(spec)
    run.set_status(state=FINISHED, step=preset.train.max_steps, **more)
    return run


def record(run, step, seconds, loss):
    """What a training of so many steps leaves behind, its first and its last estimate."""
    losses = {"step": step, "train_loss": loss, "val_loss": loss}
    events = [
        {"kind": "evaluation", "step": 0, "train_loss": 4.6, "val_loss": 4.6},
        {"kind": "step", "step": step, "loss": loss, "seconds": seconds},
        {"kind": "evaluation"} | losses,
        {"kind": "finished"} | losses,
    ]
    (run.folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))


def status(runs: Path, run_id: str) -> dict:
    return json.loads((runs / run_id / "status.json").read_text())


def wait_state(runs: Path, run_id: str, *states: str, seconds: float = 60) -> dict:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = status(runs, run_id)
        if now["state"] in states:
            return now
        time.sleep(0.1)
    pytest.fail(f"{run_id} never became {states}: {now}")


def wait_step(runs: Path, run_id: str, step: int, seconds: float = 60) -> int:
    """Wait until the run has reached `step` -> where it is."""
    until = time.monotonic() + seconds
    while (at := status(runs, run_id)["step"]) < step:
        assert time.monotonic() < until, f"{run_id} is still at step {at}"
        time.sleep(0.1)
    return at
