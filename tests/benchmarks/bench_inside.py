"""How quick the views of a model's inside are, in a real Chromium: prints one JSON line.

    python tests/benchmarks/bench_inside.py [--rounds 7]

A page of its own with an untrained model of 6 layers × 6 heads, 384 wide, on 256 tokens, so that
only the views and the model count. Milliseconds, medians and 95th percentiles.
submit: from the press on a button to the painted atlas and head (the server runs the model on
another text and sends its attention); submit_model and submit_script: the parts of it in the model
and in the rest of the page's script. payload_bytes: of the attention's message; frame_bytes: the
largest websocket frame, which carries the component's own scripts too. hover_handler, hover_frame:
the pointer over one cell after the other, a frame each, as a matrix and as lines. head, position:
from a key that changes the head, or a click on a token, to two frames later. nodes: of the
component.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.benchmarks.bench_app import summary  # noqa: E402
from tests.browser.conftest import ARGUMENTS  # noqa: E402
from tests.browser.serving import serve  # noqa: E402

SCRIPT = """
import time
import numpy as np
import streamlit as st
import torch
import gpt
from explorer.components import wire
from explorer.components.attention_map import attention_map, encode
from explorer.components.token_strip import token_strip

st.set_page_config(layout="wide")

@st.cache_resource
def model():
    torch.set_num_threads(1)  # as the app's server does
    torch.manual_seed(0)
    config = gpt.ModelConfig(n_layer=6, n_head=6, n_embd=384, block_size=256)
    return gpt.build_model(config, vocab_size=65).eval()

st.button("again", key="again")
start = time.perf_counter()
text = st.session_state["text"] = st.session_state.get("text", 0) + 1
ids = torch.randint(65, (1, 256), generator=torch.Generator().manual_seed(text))
with torch.no_grad():
    pattern = gpt.trace(model(), ids, ["pattern"])["pattern"][:, 0].numpy()
tokens = [chr(40 + i) for i in ids[0].tolist()]
ran = time.perf_counter()
scores = pattern[:, :, np.arange(1, 256), np.arange(255)].mean(-1)
labels = [[f"previous {score:.2f}" for score in row] for row in scores]
attention_map(pattern, tokens, key="map", labels=labels, scores=scores, link="text")
token_strip(ids[0].tolist(), tokens, key="strip", selectable=True, link="text")
done = time.perf_counter()
if text == 1:
    header, body = encode(pattern, tokens)[:2]
    header |= {"labels": sum(labels, []), "scores": scores.round(6).ravel().tolist()}
    st.session_state["payload"] = len(wire.pack(header, body))
st.text(f"text {text} model {1000 * (ran - start):.1f} script {1000 * (done - ran):.1f}"
        f" payload {st.session_state['payload']}")
"""

# From the press to the next picture of the attention; the component says when it is on the screen.
SUBMIT = """picture => {
  window.next = new Promise(resolve => {
    let pressed;
    addEventListener("pointerdown", () => { pressed = performance.now(); },
      {capture: true, once: true});
    const observer = new MutationObserver(() => {
      observer.disconnect();
      resolve(performance.now() - pressed);
    });
    observer.observe(picture, {attributeFilter: ["data-paints"]});
  });
}"""

# The pointer over `count` cells, one a frame -> the time in the handler and from frame to frame.
HOVER = """async (zoom, count) => {
  const box = zoom.querySelector(".base").getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const handlers = [], frames = [];
  let last = await frame();
  for (let n = 0; n < count; n += 1) {
    const at = n / count;
    const place = {clientX: box.x + box.width * (0.2 + 0.25 * at),
                   clientY: box.y + box.height * (0.3 + 0.6 * at), bubbles: true};
    const before = performance.now();
    zoom.querySelector(".base").dispatchEvent(new PointerEvent("pointermove", place));
    handlers.push(performance.now() - before);
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return [handlers, frames];
}"""

# A key or click, and two frames later -> milliseconds each.
CHANGE = """async (element, [keys, count]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const found = [];
  for (let n = 0; n < count; n += 1) {
    await new Promise(done => setTimeout(done, 60));
    const before = performance.now();
    if (keys) element.dispatchEvent(new KeyboardEvent("keydown", {key: keys[n % keys.length]}));
    else element.children[20 + n].click();
    await frame();
    await frame();
    found.push(performance.now() - before);
  }
  return found;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.py").write_text(SCRIPT, encoding="utf-8")
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        with serve("page.py", folder, folder / "log") as server:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            result = {**submit(page, server.address, rounds), **changes(page)}
        browser.close()
    print(json.dumps(result))


def submit(page: Page, address: str, rounds: int) -> dict[str, object]:
    total, model, script = [], [], []
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda f: received.append(len(f))))
    page.goto(address)
    page.locator(".attention[data-ready=true]").wait_for(timeout=120_000)
    page.wait_for_timeout(2000)
    for n in range(rounds + 1):
        page.locator(".attention").evaluate(SUBMIT)
        page.get_by_role("button", name="again").click()
        painted = page.evaluate("window.next")
        page.wait_for_timeout(500)
        words = page.get_by_text("script").inner_text().split()
        if n > 0:  # the first one warms up
            total.append(painted)
            model.append(float(words[3]))
            script.append(float(words[5]))
        print(f"submit {painted:.0f} ms", file=sys.stderr)
    return {
        "submit": milliseconds(total),
        "submit_model": milliseconds(model),
        "submit_script": milliseconds(script),
        "payload_bytes": int(words[7]),
        "frame_bytes": max(received),
    }


def changes(page: Page) -> dict[str, object]:
    result: dict[str, object] = {}
    arrows = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]
    for view in ("matrix", "lines"):
        page.locator(f".attention .{view}").click()
        page.wait_for_timeout(500)
        handlers, frames = page.locator(".attention .zoom").evaluate(HOVER, 120)
        result[f"hover_handler_{view}"] = milliseconds(handlers)
        result[f"hover_frame_{view}"] = milliseconds(frames)
        changed = page.locator(".attention .atlas").evaluate(CHANGE, [arrows, 20])
        result[f"head_{view}"] = milliseconds(changed)
    result["nodes"] = page.locator(".attention *").count()
    page.locator(".attention .matrix").click()
    clicked = page.locator(".token-strip .text").evaluate(CHANGE, [None, 20])
    result["position"] = milliseconds(clicked)
    return result


def milliseconds(found: list[float]) -> dict[str, float]:
    return {name: round(figure, 1) for name, figure in summary(found).items()}


if __name__ == "__main__":
    main()
