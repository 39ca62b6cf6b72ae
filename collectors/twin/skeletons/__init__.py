"""What the families of simulated SNMP devices have besides their values, one function a family.

A skeleton is the rows of one device: labels, indices, units, digits, who made it. What its
instruments show is marked and filled in by collectors/twin/reverse.py, by the family's profile.
Layouts are facts of the vendors' MIBs, named at each function; all texts are the twin's.
"""

from collections.abc import Callable, Mapping
from typing import Final

from collectors.twin.objects import Object
from collectors.twin.skeletons import cooling, pdu, switch
from collectors.twin.skeletons.body import Body

SKELETONS: Final[Mapping[str, Callable[[Body], list[Object]]]] = {  # by the profile's name
    "apc_inrow": cooling.apc_inrow,
    "apc_rpdu2": pdu.apc_rpdu2,
    "eaton_epdu": pdu.eaton_epdu,
    "panduit_g5": pdu.panduit_g5,
    "raritan_pdu2": pdu.raritan_pdu2,
    "rittal_cmc3": cooling.rittal_cmc3,
    "sentry4": pdu.sentry4,
    "sonic": switch.sonic,
    "vertiv_v5": pdu.vertiv_v5,
}
