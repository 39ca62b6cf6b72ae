"""What the agent says while it runs: one line an event, a fixed word with values as fields.

On a terminal it reads well; anywhere else it is JSON, one object a line. No value can start a new
line or act on a terminal, and a `Secret` shows as asterisks whatever becomes of it.
"""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from agent.output import shown

DEPTH_MAX: Final = 6  # events are flat; what is deeper is shown as text
FIRST: Final = ("timestamp", "level", "event")
QUIET: Final = ("uvicorn.access",)  # a line a scrape helps nobody


def configure(*, debug: bool = False, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers to `stream` (default: standard error)."""
    out: TextIO = sys.stderr if stream is None else stream
    level = logging.DEBUG if debug else logging.INFO
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _harmless,
    ]
    last: Processor = structlog.processors.JSONRenderer(default=str)
    if out.isatty():
        last = structlog.dev.ConsoleRenderer(colors=True)
    structlog.configure(
        processors=[*first, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    for name in QUIET:
        logging.getLogger(name).disabled = True


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what a device may have put into a field; when and what come first."""
    keys = [*(key for key in FIRST if key in event), *(key for key in event if key not in FIRST)]
    return {shown(str(key)): _plain(event[key], DEPTH_MAX) for key in keys}


def _plain(value: object, depth: int) -> object:
    """Return a value whose texts are harmless; an object becomes its `str`, a secret its mask."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth and isinstance(value, Mapping):
        return {shown(str(key)): _plain(each, depth - 1) for key, each in value.items()}
    if depth and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(each, depth - 1) for each in value]
    return shown(str(value))
