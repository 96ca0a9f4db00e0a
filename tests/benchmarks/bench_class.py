"""Thirty learners on one server: prints one JSON line.

    GPT_DATA=… python tests/benchmarks/bench_class.py [--learners 30] [--seconds 90]

A server in class mode with two runs of gpt_mini training. Every learner is a session of Streamlit's
own protocol (no browser draws on the same processor): each has a run of its own waiting, whose page
it watches, and every few seconds it opens another page, moves a slider or trains anew. Seconds from
the request to the last byte of the answer, medians and 95th percentiles; memory of the server and
of all its processes (PSS, MB); the training's tokens a second before and under the load; then how
much memory sessions leave behind that were opened and closed.
"""

import argparse
import asyncio
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from explorer.runs.store import RunStore  # noqa: E402
from tests.benchmarks.learners import Learner  # noqa: E402
from tests.browser.serving import Server, serve  # noqa: E402

PAGES = ("bigram", "self_attention", "multi_head_attention", "transformer_blocks", "generate",
         "text_to_tokens", "averaging_the_past", "train_a_gpt", "look_inside", "")  # fmt: skip
SLIDERS = {"bigram": "bigram_learning_rate", "self_attention": "self_attention_n_embd"}
LONGEST = 8  # place of 20,000 among the steps to choose from
ALONE = 30.0  # seconds; a shorter time may or may not hold an evaluation, and tells another speed
THINK = (3.0, 9.0)  # seconds between two actions of a learner


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--sessions", type=int, default=200)
    given = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = {"EXPLORER_RUNS": folder, "EXPLORER_CLASS": "on", "EXPLORER_SLOTS": "2"}
        with serve("streamlit_app.py", ROOT, place / "log", **settings) as server:
            result = await measured(server, place, given)
            result["log"] = [x for x in (place / "log").read_text().splitlines() if "rror" in x][:5]
    print(json.dumps(result))


async def measured(server: Server, place: Path, given: argparse.Namespace) -> dict:
    """All of it, in this order: alone, under load, after the class has gone."""
    teacher = Learner(server.address)
    await teacher.join()
    await teacher.open()
    await asyncio.sleep(8)  # workers get warm, the machine is probed
    result: dict = {"learners": given.learners, "memory_at_rest": memory(server)}
    trainers = [await training(server) for _ in range(2)]
    await asyncio.sleep(12)
    result["training_alone"] = await speed(place, ALONE)
    tell(f"alone: {result}")
    everyone = [Learner(server.address) for _ in range(given.learners)]
    for one in everyone:
        await one.join()
        await one.open("bigram")
        await one.press("bigram_train")
    times: dict[str, list[float]] = {"page": [], "slider": []}
    until = time.monotonic() + given.seconds
    used, start = cores_used(server), time.monotonic()
    under = asyncio.create_task(speed(place, given.seconds))
    watched = asyncio.create_task(watch(server, given.seconds))
    await asyncio.gather(*(attend(one, until, times) for one in everyone))
    result |= {name: summary(values) for name, values in times.items()}
    result |= {"training_under_load": await under, "memory_under_load": memory(server)}
    result["server_over_time"] = await watched
    after = cores_used(server)
    spent = time.monotonic() - start  # some seconds more: the last answers are waited for
    result["cores"] = {who: round((after[who] - used[who]) / spent, 2) for who in used}
    result["errors"] = [error for one in [*everyone, *trainers, teacher] for error in one.errors]
    result["bytes_each"] = statistics.mean(one.received for one in everyone) // 1
    tell(f"under load: {result}")
    for one in [*everyone, *trainers, teacher]:
        await one.leave()
    result["leak"] = await leak(server, given.sessions)
    return result


async def training(server: Server) -> Learner:
    """A learner whose gpt_mini trains all the time: as long as it can be set, and then anew."""
    one = Learner(server.address)
    await one.join()
    await one.open("train_a_gpt")
    await one.move("train_a_gpt_gpt_mini_max_steps", LONGEST)

    async def press_now_and_then() -> None:
        while True:
            await one.press("train_a_gpt_train")  # while a run trains, it does nothing
            await asyncio.sleep(10)

    one.busy = asyncio.create_task(press_now_and_then())
    return one


async def attend(one: Learner, until: float, times: dict[str, list[float]]) -> None:
    """Another page or another slider every few seconds, and back to the run that waits."""
    await asyncio.sleep(random.uniform(0, THINK[1]))
    page = "bigram"
    while time.monotonic() < until:
        if page == "bigram" and random.random() < 0.2:
            await one.press("bigram_train")  # nothing, while its run waits or trains
        elif page in SLIDERS and random.random() < 0.5:
            times["slider"].append(await one.move(SLIDERS[page], random.randint(2, 7)))
        else:
            page = random.choice(["bigram", *PAGES])
            times["page"].append(await one.open(page))
        await asyncio.sleep(random.uniform(*THINK))


async def watch(server: Server, seconds: float, looks: int = 12) -> list[float]:
    """The server's memory at so many moments."""
    found = []
    for _ in range(looks):
        await asyncio.sleep(seconds / looks)
        found.append(memory(server)["server"])
    return found


async def speed(place: Path, seconds: float) -> float:
    """Tokens that all runs together learn from in a second, over the next `seconds`."""

    def done() -> dict[str, int]:
        # The events say the speed of each step; progress itself is in the status of the run.
        return {run.id: int(run.recorded().get("step") or 0) for run in runs()}

    def runs() -> list:
        return [r for r in RunStore(place).list() if r.spec()["page"] == "train_a_gpt"]

    training = [run for run in runs() if run.status()["state"] == "training"]
    assert len(training) == 2, "two runs train"
    before, start = done(), time.perf_counter()
    await asyncio.sleep(seconds)
    steps = sum(step - before.get(run_id, 0) for run_id, step in done().items())
    train, model = (training[0].spec()[part] for part in ("train", "model"))
    tokens = steps * train["batch_size"] * model["block_size"]
    return round(tokens / (time.perf_counter() - start))


async def leak(server: Server, sessions: int) -> dict:
    """Memory before, and after so many sessions came, looked at two pages and went."""
    await come_and_go(server, sessions // 4)  # caches fill once
    await asyncio.sleep(5)
    before = memory(server)["server"]
    await come_and_go(server, sessions)
    await asyncio.sleep(5)
    return {"sessions": sessions, "before": before, "after": memory(server)["server"]}


async def come_and_go(server: Server, sessions: int) -> None:
    for start in range(0, sessions, 10):
        group = [Learner(server.address) for _ in range(min(10, sessions - start))]
        for one in group:
            await one.join()
        await asyncio.gather(*(one.open() for one in group))
        await asyncio.gather(*(one.open(random.choice(PAGES[:6])) for one in group))
        for one in group:
            await one.leave()


def cores_used(server: Server) -> dict[str, float]:
    """Seconds of a processor that each side has used so far: a browser would draw elsewhere, so
    what the learners cost here is no part of the server."""
    process = psutil.Process(server.process.pid)
    training = [child.cpu_times() for child in process.children(recursive=True)]
    own, learners = process.cpu_times(), psutil.Process().cpu_times()
    return {
        "server": own.user + own.system,
        "training": sum(times.user + times.system for times in training),
        "learners": learners.user + learners.system,
    }


def memory(server: Server) -> dict[str, float]:
    """MB of the server, and of all its processes together; shared pages counted once."""
    process = psutil.Process(server.process.pid)
    own = process.memory_full_info().pss / 1e6
    rest = sum(child.memory_full_info().pss / 1e6 for child in process.children(recursive=True))
    return {"server": round(own), "all": round(own + rest)}


def summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"median": round(statistics.median(ordered), 3), "p95": round(p95, 3), "n": len(ordered)}


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asyncio.run(main())
