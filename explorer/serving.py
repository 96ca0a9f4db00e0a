"""What a class server has around its pages: a health endpoint, response headers, start and end.

The public interface of `st.App` (routes, middleware, lifespan). What a session may be asked is the
matter of messages.py and uploads.py.
"""

import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer import engine, health, server_log
from explorer.classroom import rules
from explorer.runs.run import RunError

# Streamlit needs inline scripts and styles, `eval` (charts) and workers and scripts from blobs
# (components). What is left out is the point: nothing is loaded from, or sent to, another server.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",  # a personal link is an address: no other site learns it
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class SafeHeaders:
    """Adds HEADERS to every answer that does not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


async def tell_health(request: Request) -> JSONResponse:
    """200 when all is well, 503 when it is not; see explorer/health.py."""
    said = await run_in_threadpool(_report)
    return JSONResponse(
        said, 200 if said["status"] == "ok" else 503, headers={"Cache-Control": "no-store"}
    )


def _report() -> dict[str, Any]:
    try:
        engine.start()
        with contextlib.suppress(OSError):  # a full disk: /health says it
            rules.teacher_key(engine.store().root)
    except RunError as error:
        return {"status": "trouble", "problems": [str(error)]}
    return health.report(engine.housekeeper().watch, bool(engine.executor().trouble))


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Begin with the training processes, so that runs go on before anybody comes, and with the
    teacher's key, which its teacher looks for before anybody comes; end in order."""
    server_log.begin(engine.store().root, aloud=True)
    try:
        engine.start()
        with contextlib.suppress(OSError):  # a full disk: /health says it
            rules.teacher_key(engine.store().root)
    except RunError as error:  # its pages and /health say it, too
        server_log.note("server.broken", logging.ERROR, reason=str(error))
    yield
    await run_in_threadpool(engine.close)


ROUTES = [Route("/health", tell_health)]
MIDDLEWARE = [Middleware(SafeHeaders)]
