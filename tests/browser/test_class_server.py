"""A server for a class: what it says to a monitor, to a browser, to its log, and what never."""

import http.client
import json
import signal
import time
import urllib.request

from explorer import serving
from explorer.classroom import members
from tests.browser.serving import ROOT, measured, serve
from tests.browser.visiting import SOON, Visit, wait_state

TEACHER = "the-key-of-this-teacher"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def answer(server, path, **headers):
    """Status and headers of what the server answers."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.request("GET", path, headers=headers)
    said = line.getresponse()
    line.close()
    return said.status, dict(said.headers)


def health(server):
    with urllib.request.urlopen(f"{server.address}/health", timeout=10) as said:
        return json.loads(said.read())


def events(runs):
    return [json.loads(line) for line in (runs / "server.log").read_text().splitlines()]


def test_a_class_server_logs_tells_and_hides_what_it_should(browser, tmp_path):
    runs, log, key = measured(tmp_path / "runs"), tmp_path / "output", members.new_key()
    settings = {"EXPLORER_CLASS": "on", "EXPLORER_TEACHER_KEY": TEACHER, "EXPLORER_RUNS": str(runs)}
    with serve("explorer/class_server.py", ROOT, log, listen="", **settings) as server:
        at = server.listens_at()
        assert at and at <= {"127.0.0.1", "::1"}, "nobody asked for more than its own machine"
        for path in ("/", "/health", "/_stcore/health", "/nowhere"):
            _, headers = answer(server, path)
            known = {name.lower(): value for name, value in headers.items()}
            assert {name.lower(): value for name, value in serving.HEADERS.items()}.items() <= (
                known.items()
            ), path
        own, strange = f"http://127.0.0.1:{server.port}", "http://example.com"
        assert answer(server, "/_stcore/stream", Origin=own, **UPGRADE)[0] == 101
        assert answer(server, "/_stcore/stream", Origin=strange, **UPGRADE)[0] == 403

        tab = Visit(browser).open(server, f"bigram?workspace={key}&bigram_max_steps=20000")
        tab.button("Use this workspace").click(timeout=SOON)
        tab.page.get_by_text("This link opens a workspace").wait_for(state="detached", timeout=SOON)
        tab.button("Train").click(timeout=SOON)
        run_id = tab.run_id()
        assert key not in tab.page.url
        wait_state(runs, run_id, "training")
        blocked = "fetch('http://127.0.0.1:9/').then(() => 'sent', error => String(error))"
        seen = tab.page.evaluate(
            "new Promise(done => { document.addEventListener('securitypolicyviolation',"
            f" event => done(event.effectiveDirective)); {blocked} }})"
        )
        assert seen == "connect-src", "a page must not talk to another server"
        tab.trouble.clear()
        tab.close()
        tab = Visit(browser).open(server, "class_page")
        for tried in ("a wrong key", TEACHER):
            tab.page.get_by_role("textbox", name="Teacher's key").fill(tried)
            tab.page.keyboard.press("Enter")
            tab.wait_text("This is not" if tried != TEACHER else "The whole class")
        tab.close()
        until = time.monotonic() + 10
        while health(server)["training"] != 1:
            assert time.monotonic() < until
            time.sleep(0.1)
        server.stop(signal.SIGTERM)
    told = {(line["event"], line.get("run")) for line in events(runs)}
    expected = [("server.start", None), ("run.begun", run_id), ("run.suspended", run_id)]
    assert {*expected, ("class.wrong_key", None), ("server.stop", None)} <= told
    (begun,) = [line for line in events(runs) if line["event"] == "run.begun"]
    spec = json.loads((runs / run_id / "run.json").read_text())
    assert begun.get("workspace", "") == spec.get("learner", "")
    written = [path.read_bytes() for path in [log, *runs.rglob("*")] if path.is_file()]
    assert b'"run.suspended"' in written[0], "a class server speaks on stderr as well"
    for secret in (key, TEACHER):
        assert not [text for text in written if secret.encode() in text]
