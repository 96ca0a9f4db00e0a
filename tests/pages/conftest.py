"""What all tests of pages share beside `bench.py`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import altair as alt
import pytest

from explorer import classroom
from tests.pages.bench import bench  # noqa: F401

CHANGING = re.compile(r'"data": \{[^{}]*\}|(param|view)_\d+')  # from one drawing to the next


@pytest.fixture(scope="session", autouse=True)
def charts_are_checked_once() -> Iterator[None]:
    """Altair checks a chart each time that a page is drawn (20 ms); here each form of it once."""
    whole, checked = alt.TopLevelMixin.to_dict, set()

    def to_dict(chart: Any, validate: bool = True, **more: Any) -> dict[str, Any]:
        told = whole(chart, False, **more)
        form = json.dumps({k: v for k, v in told.items() if k != "datasets"}, default=str)
        form = CHANGING.sub("", form)
        if validate and form not in checked:
            whole(chart, True, **more)
            checked.add(form)
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alt.TopLevelMixin, "to_dict", to_dict)
        yield


@pytest.fixture
def school(bench, monkeypatch):  # noqa: F811
    """The bench as a shared server."""
    monkeypatch.setattr(classroom, "is_open", lambda: True)
    return bench
