"""The app in a real Chromium: what a learner does on each page, and what must not happen.

No network, and the embedded text.
"""

import json
import re

import pytest
import torch

import gpt
from explorer import lessons
from gpt.checkpoint import save_weights
from tests.browser.visiting import SOON, Visit, finished_run, wait_state, wait_step

RUNGS = {lesson.key: lesson for lesson in lessons.LESSONS if lesson.preset}
STEPS = 100  # small enough for a test, the same code
QUICK = f"max_steps={STEPS}"


def open_whole(visit, server, key, settings=""):
    """Open a page and wait for its last words; the tab's end asks for trouble."""
    visit.open(server, ("" if key == "home" else key) + settings)
    visit.wait_text("Often misunderstood" if key != "home" else "The map")
    assert visit.page.title() == lessons.BY_KEY[key].heading
    return visit.page


# The others are opened whole by tests below, which do more there: a page costs a browser seconds.
OPENED_BELOW = {*RUNGS, "text_to_tokens", "home"}


@pytest.mark.parametrize("key", [key for key in lessons.BY_KEY if key not in OPENED_BELOW])
def test_every_page_opens_without_a_word_of_trouble(server, visit, key):
    open_whole(visit, server, key)


def test_an_unknown_address_is_said_and_leads_home(server, browser):
    tab = Visit(browser).open(server, "no_such_page")
    tab.wait_text("Page not found")
    tab.wait_text("GPT from scratch")
    tab.leave()


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
        page.locator("[role=radiogroup] label").first.click()  # 100 steps do not reach the bigram
    right.first.wait_for(timeout=SOON)


@pytest.mark.parametrize("key", RUNGS)
def test_each_rung_opens_and_trains_to_the_end(server, runs, visit, key):
    quick = f"{key}_{QUICK}"
    if key == "train_a_gpt":  # its presets have controls of their own
        small = {"max_steps": STEPS, "n_layer": 1, "n_embd": 32, "eval_interval": STEPS // 2}
        quick = "&".join(f"train_a_gpt_gpt_mini_{name}={value}" for name, value in small.items())
    open_whole(visit, server, key, f"?{quick}")
    visit.button("Train").wait_for(timeout=SOON)
    answer_wrongly(visit.page)
    visit.button("Train").click()
    run_id = visit.run_id()
    chart = visit.page.locator(
        "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
    )
    chart.first.wait_for(timeout=SOON)
    visit.wait_text("Finished.", timeout=90_000)
    visit.wait_text(f"Step of {STEPS}")
    losses = [
        json.loads(line)
        for line in (runs / run_id / "events.jsonl").read_text().splitlines()
        if '"evaluation"' in line
    ]
    assert losses[-1]["val_loss"] < losses[0]["val_loss"] - 0.3  # it really learnt
    asks_no_more(visit)
    answer_rightly(visit.page)


def asks_no_more(visit):
    """What must not happen: a page that goes on asking. A busy machine comes to rest late."""
    for _ in range(10):
        before = len(visit.sent)
        visit.page.wait_for_timeout(1200)  # a run that trains is looked at each second, or sooner
        if len(visit.sent) == before:
            return
    pytest.fail("the page goes on asking")


@pytest.fixture
def opinionated(runs):
    """A finished run of page 4, as if trained: of a model whose attention is far from even,
    so that no cell can be taken for another."""
    preset = gpt.PRESETS["self_attention"].with_settings({"max_steps": STEPS})
    tokenizer = gpt.CharTokenizer.train(gpt.load_corpus("python_docs").text)
    model = gpt.build_model(preset.model, tokenizer.vocab_size, seed=preset.train.seed)
    for weights in model.parameters():
        weights.data *= 1.5
    run = finished_run(runs, "self_attention", preset)
    gpt.save_checkpoint(run.folder / "checkpoint", model, tokenizer, preset)
    (run.folder / "snapshots").mkdir()
    save_weights(run.folder / "snapshots" / f"{STEPS:06d}.safetensors", model.state_dict())
    return run, model, tokenizer


def test_hovered_attention_is_what_gpt_computes(server, visit, opinionated):
    run, model, tokenizer = opinionated
    visit.open(server, f"self_attention?run={run.id}&self_attention_read=hello")
    visit.wait_text(f"Model: your run, after {STEPS} steps")
    zoom = visit.page.locator(".attention[data-ready=true] .zoom").first
    visit.rest()
    zoom.focus()
    zoom.press("ArrowUp")
    hovered = visit.page.locator(".attention[data-value]:not([data-value=''])").first
    hovered.wait_for(timeout=SOON)
    shown = hovered.evaluate("e => ({...e.dataset})")
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


def test_settings_come_back_with_the_address_and_writing_can_be_repeated(server, visit):
    page = visit.open(server, "bigram?bigram_learning_rate=0.03&bigram_prompt=Hello").page
    visit.wait_text("Often misunderstood")
    prompt = page.get_by_role("textbox", name="Prompt").and_(page.locator("[value=Hello]"))
    prompt.wait_for(timeout=SOON)
    page.get_by_text("0.03", exact=True).first.wait_for(timeout=SOON)
    texts = []
    for _ in range(2):
        visit.rest()
        visit.button("Write").click(timeout=SOON)
        visit.wait_text("300 characters,")
        texts.append(page.locator("[data-testid=stCode]").first.inner_text())
        visit.button("Clear").click()
        page.get_by_text("300 characters,").first.wait_for(state="detached", timeout=SOON)
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
    page = open_whole(visit, server, "text_to_tokens")
    guess = page.get_by_placeholder("your guess")
    guess.fill("32")
    guess.press("Enter")
    visit.wait_text("You said 32, measured")
    page.wait_for_function("localStorage.getItem('gpt-from-scratch')?.includes('32')")
    page.goto(f"{server.address}/text_to_tokens")  # a new session: the server knows nothing
    visit.wait_text("You said 32, measured")
    open_whole(visit, server, "home")
    visit.wait_text("Predictions: 1 of 1 right")
