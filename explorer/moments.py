"""Moments as a person reads them: in the time of their own browser, which tells its zone."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

CLOCK, MINUTE, SECOND = "%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"


def written(moment: str | float, form: str = MINUTE) -> str:
    """A moment, as ISO text or in seconds since 1970, in `form`; with "UTC" where no zone is known.

    What is no moment, perhaps in a file that somebody edited, is "".
    """
    try:
        if isinstance(moment, str):
            at = datetime.fromisoformat(moment)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
        else:
            at = datetime.fromtimestamp(moment, UTC)
        zone = _zone()
        return f"{at.astimezone(zone):{form}}" if zone else f"{at.astimezone(UTC):{form}} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def _zone() -> tzinfo | None:
    """That of the browser; None without one, or where this machine does not know it."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ValueError, OSError, KeyError):  # a name that is none: a browser may send anything
        return None
