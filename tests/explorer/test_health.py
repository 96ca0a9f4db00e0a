"""One line for a monitor: what it says, and when it is trouble."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from explorer import health
from explorer.runs import RunStore, disk, states
from explorer.runs.watch import RunWatch


@pytest.fixture
def waiting(own_folders):
    """A store with one run in the queue, and who watches it."""
    store = RunStore()
    run = store.create({"corpus": {"name": "t", "text": "t"}, "model": {}, "train": {}})
    run.set_status(state=states.QUEUED)
    watch = RunWatch(store)
    watch.look()
    return run, watch


def test_all_is_well(waiting):
    said = health.report(waiting[1])
    assert (said["status"], said["waiting"], said["training"]) == ("ok", 1, 0)
    assert said["disk_free_bytes"] > 0
    assert not [text for text in map(str, said.values()) if waiting[0].id in text]


def test_a_full_disk_and_a_queue_that_stands_still_are_trouble(waiting, monkeypatch):
    monkeypatch.setattr(disk, "free", lambda root: 5 * 10**8)
    later = time.time() + 1200
    monkeypatch.setattr(time, "time", lambda: later)
    said = health.report(waiting[1])
    assert said["status"] == "trouble"
    assert said["problems"] == [
        "The disk has 0.5 GB left, of 1.",
        "Runs wait for 20 minutes while none trains.",
    ]


def test_a_clock_set_back_by_a_day_makes_no_wait_negative(waiting, monkeypatch):
    before = time.time() - 86_400
    monkeypatch.setattr(time, "time", lambda: before)
    said = health.report(waiting[1])
    assert (said["status"], said["oldest_wait_seconds"]) == ("ok", 0.0)


def test_a_cluster_that_is_away_is_trouble(waiting):
    said = health.report(waiting[1], cluster_away=True)
    assert said["status"] == "trouble" and len(said["problems"]) == 1


@pytest.fixture
def server():
    """A server that answers with what is in `answers`: path → (status, body)."""

    class Answering(BaseHTTPRequestHandler):
        answers: dict = {}  # noqa: RUF012

        def do_GET(self):
            status, body = self.answers.get(self.path, (404, b"<html>no</html>"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield Answering.answers, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.mark.parametrize(
    ("answers", "code", "status"),
    [
        ({"/health": (200, b'{"status": "ok"}')}, 0, "ok"),
        ({"/health": (503, b'{"status": "trouble"}')}, 1, "trouble"),
        ({"/health": (200, b"<html>"), "/_stcore/health": (200, b"ok")}, 0, "ok"),
        ({"/health": (200, b"<html>"), "/_stcore/health": (503, b"no")}, 1, "trouble"),
    ],
)
def test_the_command_tells_what_the_server_says(server, capsys, answers, code, status):
    known, url = server
    known.clear()
    known.update(answers)
    assert health.main(["--url", url]) == code
    assert json.loads(capsys.readouterr().out)["status"] == status


def test_no_answer_is_trouble(capsys):
    assert health.main(["--url", "http://127.0.0.1:9", "--seconds", "2"]) == 1
    assert "No server answers" in json.loads(capsys.readouterr().out)["problems"][0]
