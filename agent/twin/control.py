"""What can be asked of a twin while it runs, and done to it, over HTTP on this machine.

The agent never asks here: what it is told of a rack comes from the rack's devices alone.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agent.acts import Refused
from agent.output import count
from agent.twin.faults import as_keys
from agent.web.asking import Unfit, read, refuse_other_sites, refused
from collectors.twin.faults import Fault, FaultError
from collectors.twin.racks import Racks

PORT: Final = 9109  # beside the agent's, if it is free
ACT: Final = "curl -s {url}{path} -H 'Content-Type: application/json' -d '{body}'"
LEAK: Final = '{"kind": "leak"}'
HELP: Final = """\
A twin of {racks}. Time of the twin: {seconds:.0f} s.

  GET    /racks                       settings, faults and the true state of every rack
  POST   /racks/{{bay}}/settings        set what people set: load, supply_set, feeds, pumps, ...
  POST   /racks/{{bay}}/faults          break something
  DELETE /racks/{{bay}}/faults/{{name}}   mend it

  {load}
  {leak}
  curl -s -X DELETE {url}/racks/{bay}/faults/leak

`rackproof twin --help` lists what can be broken.
"""


class Settings(BaseModel):
    """What people set at a bay; what is left out stays. One rack's part of the plant's arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    load: Annotated[float, Field(ge=0, le=1.5)] | None = None  # share of full power
    supply_set: float | None = None  # degC, of the coolant
    primary_set: float | None = None  # degC, of the building's water
    gas: bool | None = None  # the loop holds test gas
    filled: bool | None = None  # the loop holds coolant
    feeds: list[bool] | None = None  # whose breakers are closed
    pumps: list[bool] | None = None  # that are switched on
    seated: list[list[bool]] | None = None  # supplies that are in their shelves


class Broken(BaseModel):
    """A fault: its kind, and the keys that a file of faults has as well."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str


class Control:
    """The racks of one twin, by the names of their bays."""

    def __init__(self, racks: Racks, bays: Sequence[str]) -> None:
        self.racks = racks
        self.bays = {bay: rack for rack, bay in enumerate(bays)}

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/", self.start),
            Route("/racks", self.show),
            Route("/racks/{bay}/settings", self.set, methods=["POST"]),
            Route("/racks/{bay}/faults", self.inflict, methods=["POST"]),
            Route("/racks/{bay}/faults/{name}", self.mend, methods=["DELETE"]),
        ]
        expected = dict.fromkeys((Refused, Unfit, HTTPException, ClientDisconnect), refused)
        return Starlette(routes=routes, exception_handlers=expected)

    async def start(self, request: Request) -> Response:
        """Say what there is."""
        url, bay = str(request.base_url).rstrip("/"), next(iter(self.bays))
        load, leak = (
            ACT.format(url=url, path=f"/racks/{bay}/{path}", body=body)
            for path, body in (("settings", '{"load": 0.5}'), ("faults", LEAK))
        )
        text = HELP.format(
            racks=count(len(self.bays), "rack"),
            seconds=self.racks.seconds,
            load=load,
            leak=leak,
            url=url,
            bay=bay,
        )
        return PlainTextResponse(text)

    async def show(self, _: Request) -> Response:
        """Show every rack as it is, not as its instruments see it."""
        shown = {bay: self._shown(rack) for bay, rack in self.bays.items()}
        return JSONResponse({"seconds": self.racks.seconds, "racks": shown})

    async def set(self, request: Request) -> Response:
        """Set what people set."""
        rack = self._rack(request)
        wanted = (await read(request, Settings)).model_dump(exclude_none=True)
        plant = self.racks.plant
        for name, value in wanted.items():
            there = getattr(plant, name)[rack]
            if np.shape(value) != np.shape(there):
                shape = " x ".join(map(str, np.shape(there)))
                raise Refused(422, f"{name}: want {shape} values, as GET /racks shows them")
        for name, value in wanted.items():
            getattr(plant, name)[rack] = value
        return JSONResponse(self._shown(rack))

    async def inflict(self, request: Request) -> Response:
        """Break something."""
        rack = self._rack(request)
        entry = await read(request, Broken)
        try:
            self.racks.inflict(rack, Fault.of(entry.model_dump()).after(self.racks.seconds))
        except FaultError as error:
            raise Refused(422, str(error)) from None
        return JSONResponse(self._shown(rack), 201)

    async def mend(self, request: Request) -> Response:
        """Mend it."""
        refuse_other_sites(request)
        rack, name = self._rack(request), request.path_params["name"]
        there = self.racks.faults(rack)
        if name not in there:
            raise Refused(404, f"no fault {name!r:.100}; there are: {', '.join(there) or 'none'}")
        self.racks.mend(rack, name)
        return JSONResponse(self._shown(rack))

    def _rack(self, request: Request) -> int:
        """Return which rack is meant. Raises: Refused."""
        bay: str = request.path_params["bay"]
        if bay not in self.bays:
            raise Refused(404, f"there is no bay {bay!r:.100}; GET /racks lists them")
        return self.bays[bay]

    def _shown(self, rack: int) -> dict[str, Any]:
        """Return what there is to know of a rack."""
        racks, plant = self.racks, self.racks.plant
        plant.show()
        return {
            "settings": {
                name: getattr(plant, name)[rack].tolist() for name in Settings.model_fields
            },
            "faults": {name: as_keys(fault) for name, fault in racks.faults(rack).items()},
            "silent": [
                device for device, n in zip(racks.devices, racks.silent[rack], strict=True) if n
            ],
            "state": {row: _plain(there[rack]) for row, there in plant.signals.at.items()},
        }


def _plain(value: NDArray[np.float64]) -> Any:  # noqa: ANN401 -- a number, or lists of them
    """Return numbers in the quantities' canonical units, with as many digits as mean something."""
    return [_plain(each) for each in value] if np.ndim(value) else float(f"{value:.6g}")
