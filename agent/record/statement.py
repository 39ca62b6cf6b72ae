"""A run as an in-toto statement: what supply-chain tools check before they let something ship.

Source: in-toto Statement v1, predicate test-result v0.1; DSSE v1 for the signed envelope.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from agent import canonical
from agent.record.keys import SigningKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"


def statement(summary: Mapping[str, Any], evidence: Mapping[str, str]) -> dict[str, Any]:
    """Return what is attested; `evidence`: the SHA-256 of each file that verdicts depend on.

    An undecided or aborted stage counts as failed: whoever lets only passed racks through must not
    have to know our words. One that was waived, or passed at a later attempt, counts as warned.
    """
    tests: dict[str, list[str]] = {"passed": [], "warned": [], "failed": []}
    waived = {
        (d["stage"], d["attempt"]) for d in summary["dispositions"] if d["decision"] == "waived"
    }
    for name, stage in {stage["stage"]: stage for stage in summary["stages"]}.items():
        excused = (name, stage["attempt"]) in waived
        if stage["verdict"] != "PASS" and not excused:
            tests["failed"].append(name)
        else:
            tests["warned" if excused or stage["attempt"] > 1 else "passed"].append(name)
    tests["failed"] += summary.get("missing", ())
    result = "WARNED" if tests["warned"] else "PASSED"
    spec = summary["spec"]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": f"rack/{summary['serial']}",
                "digest": {"rackproofEvidenceRoot": summary["evidence"]["root"]},
            },
            *({"name": name, "digest": {"sha256": evidence[name]}} for name in sorted(evidence)),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result if summary["verdict"] == "PASS" else "FAILED",
            "configuration": [
                {
                    "name": f"{spec['id']} {spec['revision']}",
                    "digest": {"rackproofSpecHash": spec["hash"], "sha256": evidence["spec.yaml"]},
                }
            ],
            **{f"{kind}Tests": names for kind, names in tests.items()},
        },
    }


def envelope(payload: Mapping[str, Any], key: SigningKey) -> bytes:
    """Return a statement in its signed envelope."""
    body = canonical.encode(payload)
    signature = key.sign(authenticated(PAYLOAD_TYPE, body))
    return canonical.encode(
        {
            "payload": base64.b64encode(body).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": key.public.fingerprint, "sig": base64.b64encode(signature).decode()}
            ],
        }
    )


def authenticated(kind: str, body: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding.

    >>> authenticated("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(body), body)
