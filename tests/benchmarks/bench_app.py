"""How quick the app feels, in a real Chromium: prints one JSON line.

    python tests/benchmarks/bench_app.py [--rounds 5]

cold_shell: a fresh server, from the visit to the title on the screen (torch loads behind it), by a
browser that has seen the app before; first_visit: by one that has not, and loads Streamlit first.
first_point: from the click on Train to the first loss on the screen, warm server.
slider_idle, slider_training: from a key on a slider to the new attention picture, which the server
has computed; with nothing else going on, and with a run training. Seconds; medians and 95th
percentiles over the rounds.
writing: characters a second of the shipped gpt_mini, medians of texts written in turns: by
`gpt.generate` and by the thread that a page writes in, both in this process, and on page 8 of the
app, as it says itself. The browser draws on the same processor: on a busy machine it takes part of
it.
"""

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

import gpt  # noqa: E402
from explorer.writing import Writing  # noqa: E402
from tests.browser.conftest import ARGUMENTS  # noqa: E402
from tests.browser.serving import Server, serve  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        place = Path(folder)
        result = {"first_visit": summary([cold_shell(browser, place) for _ in range(rounds)])}
        profile = driver.chromium.launch_persistent_context(
            place / "profile", executable_path=path, args=ARGUMENTS
        )
        cold_shell(profile, place)  # it has seen the app now
        result["cold_shell"] = summary([cold_shell(profile, place) for _ in range(rounds)])
        profile.close()
        with serve("streamlit_app.py", ROOT, place / "log", EXPLORER_RUNS=folder) as server:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(server.address)
            page.get_by_text("The map").first.wait_for()
            page.wait_for_timeout(8000)  # the training process gets warm
            result["first_point"] = summary([first_point(page, server) for _ in range(rounds)])
            result["slider_idle"] = summary(slider(page, server, rounds * 8))
            result["writing"] = writing(page, server, rounds)
            train_long(browser, server)
            result["slider_training"] = summary(slider(page, server, rounds * 8))
        browser.close()
    print(json.dumps(result))


def summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"median": round(statistics.median(ordered), 3), "p95": round(p95, 3), "n": len(ordered)}


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def cold_shell(browser, folder: Path) -> float:  # type: ignore[no-untyped-def]
    with serve("streamlit_app.py", ROOT, folder / "log", EXPLORER_RUNS=str(folder)) as server:
        page = browser.new_page()
        seconds = timed(lambda: (page.goto(server.address), page.wait_for_selector("h1")))
        page.close()
    return seconds


# From the press on Train to a number for the loss and the chart beside it, timed by the
# browser: asking it all the time would slow it down.
FIRST_POINT = """() => {
  window.first = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no loss within 30 s")), 30000);
    let pressed;
    const press = () => { pressed = performance.now(); };
    addEventListener("pointerdown", press, {capture: true, once: true});
    const number = () => [...document.querySelectorAll("[data-testid=stMetric]")].some(
      metric => /Validation loss\\s+\\d/.test(metric.innerText));
    const chart = () => document.querySelector("[data-testid=stVegaLiteChart] svg");
    const observer = new MutationObserver(() => {
      if (pressed === undefined || !number() || !chart()) return;
      observer.disconnect();
      resolve((performance.now() - pressed) / 1000);
    });
    observer.observe(document.body, {subtree: true, childList: true, characterData: true});
  });
}"""


def first_point(page: Page, server: Server) -> float:
    page.goto(f"{server.address}/bigram")
    train = page.get_by_role("button", name="Train", exact=True).first
    train.wait_for()
    page.wait_for_timeout(2500)
    page.evaluate(FIRST_POINT)
    train.click()
    seconds = page.evaluate("window.first")
    page.get_by_text("Finished.").first.wait_for()
    return seconds


# From the key to the next picture.
WATCH = """picture => {
  window.next = new Promise(resolve => {
    let pressed;
    const press = () => { pressed = performance.now(); };
    addEventListener("keydown", press, {capture: true, once: true});
    const observer = new MutationObserver(() => {
      observer.disconnect();
      resolve((performance.now() - pressed) / 1000);
    });
    observer.observe(picture, {attributeFilter: ["data-paints"]});
  });
}"""


def slider(page: Page, server: Server, count: int) -> list[float]:
    page.goto(f"{server.address}/self_attention")
    page.locator(".attention[data-ready=true]").first.wait_for()
    page.wait_for_timeout(2500)
    picture = page.locator(".attention").first
    handle = page.get_by_role("slider", name="Width").first
    handle.focus()
    found = []
    for turn in range(count):
        picture.evaluate(WATCH)
        handle.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft")
        found.append(page.evaluate("window.next"))
        page.wait_for_timeout(700)
    return found


def writing(page: Page, server: Server, rounds: int, count: int = 2000) -> dict[str, float]:
    import torch

    torch.set_num_threads(1)  # as the app has it
    folder = ROOT / "checkpoints" / "pretrained" / "gpt_mini"
    model, tokenizer, _ = gpt.load_checkpoint(folder)
    about = (model, tokenizer, "My lord, I ", count)
    page.goto(f"{server.address}/generate?model=gpt_mini")
    write = page.get_by_role("button", name="Write", exact=True)
    write.wait_for()
    length = page.get_by_role("spinbutton", name="Tokens")
    length.fill(str(count))
    length.press("Enter")
    page.wait_for_timeout(2500)
    rates: dict[str, list[float]] = {"generate": [], "thread": [], "page": []}
    for _ in range(rounds):
        rates["generate"].append(count / timed(lambda: gpt.generate(*about, seed=1)))
        rates["thread"].append(count / timed(lambda: Writing(*about, seed=1).wait(600)))
        write.click()
        said = page.get_by_text(re.compile(f"^{count} characters, ")).inner_text(timeout=600_000)
        rates["page"].append(float(said.split(", ")[1].split()[0].replace(",", "")))
        page.get_by_role("button", name="Clear", exact=True).click()
        page.wait_for_timeout(1500)
    found = {way: round(statistics.median(each)) for way, each in rates.items()}
    shares = {f"{way}_over_generate": found[way] / found["generate"] for way in ("thread", "page")}
    return found | shares


def train_long(browser, server: Server) -> None:  # type: ignore[no-untyped-def]
    page = browser.new_page()
    page.goto(f"{server.address}/transformer_blocks?transformer_blocks_max_steps=20000")
    page.get_by_role("button", name="Train", exact=True).first.click()
    page.get_by_text("Training.").first.wait_for()
    page.close()


if __name__ == "__main__":
    main()
