"""The app in a real Chromium: what a learner does on each page, and what must not happen.

One server for all of them, with a runs folder of its own, no network and the embedded text.
"""

import json
import re

import pytest

import gpt
from explorer import lessons
from tests.browser.visiting import SOON, Visit, wait_state, wait_step

RUNGS = [lesson for lesson in lessons.LESSONS if lesson.preset]
QUICK = "max_steps=200"  # small enough for a test, the same code


@pytest.mark.parametrize("key", list(lessons.BY_KEY))
def test_every_page_opens_without_a_word_of_trouble(server, visit, key):
    visit.open(server, "" if key == "home" else key)
    visit.page.get_by_text("Often misunderstood" if key != "home" else "The map").first.wait_for(
        timeout=SOON
    )
    assert visit.page.title() == lessons.BY_KEY[key].heading


def test_an_unknown_address_is_said_and_leads_home(server, browser):
    tab = Visit(browser).open(server, "no_such_page")
    tab.wait_text("Page not found")
    tab.wait_text("GPT from scratch")
    tab.page.close()


def answer_wrongly(page):
    """A number that no run comes to in the first question; or, of a choice, the last."""
    guess = page.get_by_placeholder("your guess").first
    if guess.count():
        guess.fill("17")
        guess.press("Enter")
    else:
        page.locator("[role=radiogroup] label").last.click()


def answer_rightly(page):
    """What the run came to is graded as wrong before, and as right now."""
    right = page.locator("[data-testid=stAlertContentSuccess]")
    guess = page.get_by_placeholder("your guess").first
    if guess.count():
        said = page.get_by_text(re.compile("You said 17, measured: ")).first.inner_text()
        assert not right.count()
        guess.fill(re.search(r"measured: (-?\d+(\.\d+)?)", said).group(1))
        guess.press("Enter")
    else:
        page.get_by_text(re.compile("You said “")).first.wait_for(timeout=SOON)
        page.locator("[role=radiogroup] label").first.click()  # 200 steps do not reach the bigram
    right.first.wait_for(timeout=SOON)


@pytest.mark.parametrize("lesson", RUNGS, ids=lambda lesson: lesson.key)
def test_training_to_the_end_on_each_page(server, runs, visit, lesson):
    quick = f"{lesson.key}_{QUICK}"
    if lesson.key == "train_a_gpt":  # its presets have controls of their own
        small = {"max_steps": 200, "n_layer": 1, "n_embd": 32, "eval_interval": 100}
        quick = "&".join(f"train_a_gpt_gpt_mini_{name}={value}" for name, value in small.items())
    visit.open(server, f"{lesson.key}?{quick}")
    visit.button("Train").wait_for(timeout=SOON)
    answer_wrongly(visit.page)
    visit.button("Train").click()
    run_id = visit.run_id()
    chart = visit.page.locator(
        "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
    )
    chart.first.wait_for(timeout=SOON)
    visit.wait_text("Finished.", timeout=90_000)
    visit.wait_text("Step of 200")
    losses = [
        json.loads(line)
        for line in (runs / run_id / "events.jsonl").read_text().splitlines()
        if '"evaluation"' in line
    ]
    assert losses[-1]["val_loss"] < losses[0]["val_loss"] - 0.3  # it really learnt
    # What must not happen: a page at rest that goes on asking.
    visit.page.wait_for_timeout(500)
    before = len(visit.sent)
    visit.page.wait_for_timeout(1200)  # a run that trains is looked at each second, or sooner
    assert len(visit.sent) == before
    answer_rightly(visit.page)


def test_hovered_attention_is_what_gpt_computes(server, runs, visit):
    import torch

    visit.open(server, f"self_attention?self_attention_{QUICK}&self_attention_read=hello")
    visit.button("Train").click()
    run_id = visit.run_id()
    visit.wait_text("Finished.", timeout=90_000)
    visit.page.get_by_text("Model: your run, after 200 steps").first.wait_for(timeout=SOON)
    visit.page.wait_for_timeout(1000)
    zoom = visit.page.locator(".attention .zoom").first
    zoom.focus()
    zoom.press("ArrowUp")
    visit.page.wait_for_timeout(200)
    shown = visit.page.eval_on_selector(".attention", "e => ({...e.dataset})")
    model, tokenizer, _ = gpt.load_checkpoint(runs / run_id / "checkpoint")
    pattern = gpt.trace(model, torch.tensor([tokenizer.encode("hello")]))["pattern"][0, 0, 0]
    row, column = int(shown["row"]), int(shown["column"])
    assert float(shown["value"]) == pytest.approx(float(pattern[row, column]), abs=1e-4)


def test_a_double_click_starts_one_run(server, runs, visit):
    before = {path.name for path in runs.glob("2*")}
    visit.open(server, "bigram?bigram_max_steps=20000")
    visit.button("Train").dblclick()
    run_id = visit.run_id()
    visit.page.wait_for_timeout(1500)
    assert {path.name for path in runs.glob("2*")} - before == {run_id}
    visit.button("Stop").click()
    wait_state(runs, run_id, "stopped", "finished")


def test_a_reload_and_a_second_tab_find_the_run_still_training(server, runs, browser, visit):
    visit.open(server, "bigram?bigram_max_steps=20000")
    visit.button("Train").click()
    run_id = visit.run_id()
    wait_state(runs, run_id, "training")
    visit.page.reload()
    visit.page.wait_for_selector("h1", timeout=SOON)
    visit.button("Pause").wait_for(timeout=SOON)
    second = Visit(browser)
    second.page.goto(visit.page.url)
    second.button("Pause").click(timeout=SOON)
    at = wait_state(runs, run_id, "paused")["step"]
    second.wait_text("Paused.")
    visit.wait_text("Paused.")  # the other tab hears of it
    visit.button("One step").click()
    wait_step(runs, run_id, at + 1)
    assert wait_state(runs, run_id, "paused")["step"] == at + 1
    visit.button("Continue").click()
    wait_state(runs, run_id, "training")
    visit.button("Stop").click(timeout=SOON)
    wait_state(runs, run_id, "stopped")
    second.close()


def test_dark_mode_is_dark_and_quiet(server, browser):
    tab = Visit(browser, scheme="dark").open(server, "self_attention")
    tab.page.locator(".attention[data-ready=true]").first.wait_for(timeout=SOON)
    background = tab.page.eval_on_selector(
        "[data-testid=stApp]", "e => getComputedStyle(e).backgroundColor"
    )
    assert sum(map(int, re.findall(r"\d+", background)[:3])) < 200
    tab.close()


def test_settings_come_back_with_the_address(server, visit):
    visit.open(server, "bigram?bigram_learning_rate=0.03&bigram_prompt=Hello")
    visit.button("Train").wait_for(timeout=SOON)
    assert visit.page.get_by_role("textbox", name="Prompt").input_value() == "Hello"
    visit.page.get_by_text("0.03", exact=True).first.wait_for(timeout=SOON)


def test_writing_streams_and_can_be_repeated(server, visit):
    visit.open(server, "bigram?bigram_prompt=the")
    visit.wait_text("Often misunderstood")
    texts = []
    for _ in range(2):
        visit.rest()
        visit.button("Write").click(timeout=SOON)
        visit.wait_text("300 characters,")
        texts.append(visit.page.locator("[data-testid=stCode]").first.inner_text())
        visit.button("Clear").click()
        visit.page.get_by_text("300 characters,").first.wait_for(state="detached", timeout=SOON)
    assert len(texts[0]) > 200
    assert texts[0] == texts[1]


def test_the_code_says_what_its_lines_made_on_this_page(server, visit):
    page = visit.open(server, "self_attention").page
    code = page.locator(".code-view[data-ready=true]").first
    code.wait_for(timeout=SOON)
    marked = code.locator("tr.marked")
    assert "weights = F.softmax(scores" in marked.inner_text()
    said = marked.locator(".note").inner_text().replace("\u00a0", " ")
    assert said == "← the picture of attention: weights (32, 8, 8)"


def test_a_term_explains_itself_where_it_stands(server, visit):
    page = visit.open(server, "transformer_blocks").page
    visit.wait_text("Often misunderstood")
    x, y = page.wait_for_function(
        """() => {
            const marked = [...(CSS.highlights.get("explorer-terms") ?? [])];
            const found = marked.find((range) => `${range}` === "residual path");
            const box = found?.getBoundingClientRect();
            return box && [box.x + 10, box.y + box.height / 2];
        }""",
        timeout=SOON,
    ).json_value()
    page.mouse.move(x, y)
    visit.wait_text("a layer adds to what it was given instead of replacing it")
    page.mouse.move(5, 5)
    page.locator("#explorer-terms").wait_for(state="hidden", timeout=SOON)


def test_an_answer_is_there_again_after_a_reload(server, visit):
    page = visit.open(server, "text_to_tokens").page
    guess = page.get_by_placeholder("your guess")
    guess.fill("32")
    guess.press("Enter")
    visit.wait_text("You said 32, measured")
    page.wait_for_function("localStorage.getItem('gpt-from-scratch')?.includes('32')")
    page.goto(f"{server.address}/text_to_tokens")  # a new session: the server knows nothing
    visit.wait_text("You said 32, measured")
    visit.open(server).wait_text("Predictions: 1 of 1 right")
