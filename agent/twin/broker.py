"""A broker for simulated devices that publish: Mosquitto, else the one written in Python."""

import contextlib
import importlib.util
import logging
from pathlib import Path
from typing import Final

from agent.programs import LOOPBACK, Program, find

EMBEDDED: Final = "amqtt"
HOW: Final = "apt-get install mosquitto, or pip install 'rackproof[broker]'"
MOSQUITTO: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest stderr
"""


async def start(stack: contextlib.AsyncExitStack, folder: Path, port: int) -> str | None:
    """Start a broker that ends with `stack`; return which, or None where none is installed.

    Raises: ProgramError when it does not start.
    """
    if mosquitto := find("mosquitto"):
        config = folder / "mosquitto.conf"
        config.write_text(MOSQUITTO.format(port=port))
        program = await Program.start("mosquitto", (mosquitto, "-c", str(config)), folder)
        stack.push_async_callback(program.stop)
        await program.ready(port, None)
        return "Mosquitto"
    if importlib.util.find_spec(EMBEDDED):
        await _embedded(stack, port)
        return "embedded"
    return None


async def _embedded(stack: contextlib.AsyncExitStack, port: int) -> None:
    """Run the broker of the `broker` extra in this process."""
    from amqtt.broker import Broker  # noqa: PLC0415 -- an extra, and half a second to import

    logging.getLogger(EMBEDDED).setLevel(logging.CRITICAL)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    stack.push_async_callback(broker.shutdown)
