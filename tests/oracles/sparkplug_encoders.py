"""Two encoders of Sparkplug payloads that are not ours, and an edge that speaks by either."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final, Protocol

from tahutils.tahu import sparkplug_b_pb2  # type: ignore[import-untyped] # ships none

MODULES: Final = Path(__file__).parents[2] / ".venv" / "npm" / "node_modules"
NODE: Final = shutil.which("node")
SCRIPT: Final = """
const sparkplug = require("sparkplug-payload").get("spBv1.0");
require("readline").createInterface({input: process.stdin}).on("line", line => {
  const bytes = sparkplug.encodePayload(JSON.parse(line));
  console.log(Buffer.from(bytes).toString("hex"));
});
"""
TYPES: Final = (
    "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String DateTime Text"
)
NUMBERS: Final = {name: number for number, name in enumerate(TYPES.split(), 1)}
FIELDS: Final = {"Float": "float_value", "Double": "double_value", "Boolean": "boolean_value"}

Metric = dict[str, Any]


class Encoder(Protocol):
    """Turns a payload, as sparkplug-payload has it, into bytes."""

    def encode(self, payload: dict[str, Any]) -> bytes:
        """Return the bytes."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Javascript:
    """npm's sparkplug-payload."""

    def __init__(self) -> None:
        assert NODE is not None
        self._process = subprocess.Popen(
            [NODE, "-e", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"NODE_PATH": str(MODULES)},
        )

    def encode(self, payload: dict[str, Any]) -> bytes:
        """Let the program encode it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(payload) + "\n")
        self._process.stdin.flush()
        return bytes.fromhex(self._process.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()


class Tahu:
    """Eclipse Tahu's generated protobuf messages, filled as its own functions fill them."""

    def encode(self, payload: dict[str, Any]) -> bytes:
        """Fill a message."""
        told = sparkplug_b_pb2.Payload(timestamp=payload["timestamp"])
        if "seq" in payload:
            told.seq = payload["seq"]
        for each in payload["metrics"]:
            self._fill(told.metrics.add(), each)
        written: bytes = told.SerializeToString()
        return written

    def close(self) -> None:
        """Do nothing."""

    @staticmethod
    def _fill(metric: Any, each: Metric) -> None:  # noqa: ANN401 -- a message of Tahu's
        """Fill one metric."""
        metric.datatype = NUMBERS[each["type"]]
        for key in ("name", "alias", "timestamp"):
            if key in each:
                setattr(metric, key, each[key])
        metric.is_historical = each.get("isHistorical", False)
        for key, told in each.get("properties", {}).items():
            metric.properties.keys.append(key)
            held = metric.properties.values.add(type=NUMBERS[told["type"]])
            setattr(
                held, "string_value" if told["type"] == "String" else "int_value", told["value"]
            )
        value, kind = each["value"], each["type"]
        if value is None:
            metric.is_null = True
        elif kind in FIELDS:
            setattr(metric, FIELDS[kind], value)
        elif kind in ("String", "Text"):
            metric.string_value = value
        elif kind in ("Int64", "UInt64", "DateTime", "UInt32"):
            metric.long_value = value % (1 << 64)
        else:
            metric.int_value = value % (1 << 32)


def now_ms() -> int:
    """Return the time by the wall."""
    return int(time.time() * 1000)


def metric(value: object, kind: str = "Double", **told: Any) -> Metric:  # noqa: ANN401 -- name, alias, ...
    """Return one metric of now."""
    return {"value": value, "type": kind, "timestamp": now_ms(), **told}


def unit(text: str, quality: int | None = None) -> dict[str, Any]:
    """Return properties that tell a unit, and perhaps a quality."""
    told: dict[str, Any] = {"engUnit": {"type": "String", "value": text}}
    return told if quality is None else told | {"Quality": {"type": "Int32", "value": quality}}


class Edge:
    """The messages of an edge node, in turn."""

    def __init__(self, encoder: Encoder, node: str = "bay-01") -> None:
        self.encoder = encoder
        self.node = node
        self.seq = -1
        self.session = 0

    def topic(self, kind: str, device: str = "") -> str:
        """Return a topic of the node or a device."""
        return f"spBv1.0/hall/{kind}/{self.node}" + (f"/{device}" if device else "")

    def next(self, *metrics: Metric, skip: int = 0) -> bytes:
        """Return a payload with the next number, after `skip` that nobody gets."""
        self.seq = (self.seq + 1 + skip) % 256
        return self.payload(*metrics, seq=self.seq)

    def payload(self, *metrics: Metric, **told: int) -> bytes:
        """Return a payload of now."""
        return self.encoder.encode({"timestamp": now_ms(), "metrics": [*metrics], **told})

    def death(self) -> bytes:
        """Return what the broker publishes when the node breaks off."""
        return self.payload(metric(self.session, "Int64", name="bdSeq"))

    def birth(self) -> bytes:
        """Return a birth of the node; numbers begin anew."""
        self.seq = -1
        rebirth = metric(False, "Boolean", name="Node Control/Rebirth")  # noqa: FBT003 -- a value
        return self.next(metric(self.session, "Int64", name="bdSeq"), rebirth)
