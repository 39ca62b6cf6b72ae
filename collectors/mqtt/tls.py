"""TLS to a broker: who it must be is always checked, and what is wrong is said in one sentence.

Nothing here can switch a check off. TLS 1.2 is the oldest spoken.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from collectors.mqtt.access import Trust

PENDING_BYTES_MAX: Final = 16 << 10  # one record of TLS holds no more (RFC 8446 §5.2)
NOT_YET_VALID, EXPIRED, WRONG_NAME, WRONG_IP = 9, 10, 62, 64  # of X.509 verification, by OpenSSL
UNKNOWN_SIGNER: Final = frozenset({2, 18, 19, 20, 21})
UNTRUSTED: Final = {
    NOT_YET_VALID: "its certificate is not valid yet; compare the clocks of the two machines",
    EXPIRED: "its certificate has expired; it needs a new one",
    **dict.fromkeys(
        UNKNOWN_SIGNER,
        "its certificate is signed by nobody in `ca`; name the file of its authority there",
    ),
}
ALERTS: Final = {  # what a broker says of us (RFC 8446 §6), by a word of OpenSSL's name for it
    "CERTIFICATE_REQUIRED": "it wants a certificate of ours; give `certificate` and `key`",
    "ALERT_UNKNOWN_CA": "it does not know who signed our certificate",
    "CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "CERTIFICATE_REVOKED": "it says that our certificate is revoked",
    "BAD_CERTIFICATE": "it refuses our certificate",
    "CERTIFICATE_UNKNOWN": "it refuses our certificate",
    "ALERT_ACCESS_DENIED": "it refuses our certificate",
    "HANDSHAKE_FAILURE": "it agrees to no cipher, or wants a certificate of ours",
    "PROTOCOL_VERSION": "it speaks no TLS that is safe; 1.2 is the oldest we speak",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS that is safe; 1.2 is the oldest we speak",
    "WRONG_VERSION_NUMBER": "no TLS is spoken there; is it the port without TLS? (mqtts: 8883)",
    "HTTP_REQUEST": "a web server answers there",
    "RECORD_LAYER_FAILURE": "no TLS is spoken there; is it the port without TLS? (mqtts: 8883)",
}
PRIVATE: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


class TlsError(ConnectionError):
    """Why TLS cannot be; its text is for a person."""


def context(trust: Trust) -> ssl.SSLContext:
    """Make what a connection needs of the files. Raises: TlsError, saying which file is wrong."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the chain and the name of the host
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_RENEGOTIATION
    if trust.authorities is None:
        made.load_default_certs()
    else:
        try:
            made.load_verify_locations(trust.authorities)
        except OSError as error:
            raise TlsError(_file(trust.authorities, error, "holds no certificate")) from None
        if not made.cert_store_stats()["x509_ca"]:
            text = "holds no certificate of an authority; want the one that signed the broker's"
            raise TlsError(f"{trust.authorities}: {text}")
    if trust.certificate is not None:
        try:
            made.load_cert_chain(trust.certificate, trust.key, password=_nobody_knows)
        except OSError as error:
            raise TlsError(_pair(trust, error)) from None
    return made


def _nobody_knows() -> str:
    """Answer for a key that has a pass phrase, instead of asking at a terminal."""
    raise TlsError("the key has a pass phrase; write it without one, readable by the agent only")


def _file(path: object, error: OSError, otherwise: str) -> str:
    """Say what is wrong with a file."""
    return f"{path}: {error.strerror if not isinstance(error, ssl.SSLError) else otherwise}"


def _pair(trust: Trust, error: OSError) -> str:
    """Say what is wrong with a certificate or its key."""
    if isinstance(error, TlsError):
        return f"{trust.key}: {error}"
    if not isinstance(error, ssl.SSLError):
        return f"{trust.certificate} or {trust.key}: {error.strerror}"
    if "MISMATCH" in (error.reason or ""):
        return f"{trust.key} is not the key of {trust.certificate}"
    with suppress(OSError):
        assert trust.certificate is not None
        if b"BEGIN CERTIFICATE" not in trust.certificate.read_bytes():
            return f"{trust.certificate}: holds no certificate"
    with suppress(OSError):
        assert trust.key is not None
        if not PRIVATE.search(trust.key.read_bytes()):
            return f"{trust.key}: holds no private key"
    return f"{trust.certificate} or {trust.key}: cannot be read as PEM"


async def secured(sock: socket.socket, trust: Trust, host: str) -> ssl.SSLSocket:
    """Speak TLS over a connected socket, which must not block. Raises: TlsError, OSError."""
    made = context(trust)
    wrapped = made.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    loop = asyncio.get_running_loop()
    try:
        while True:
            try:
                wrapped.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(loop.add_reader, loop.remove_reader, wrapped)
            except ssl.SSLWantWriteError:
                await _ready(loop.add_writer, loop.remove_writer, wrapped)
            else:
                return wrapped
    except BaseException as error:
        wrapped.close()
        if isinstance(error, OSError):
            raise TlsError(explain(error, host)) from None
        raise


async def _ready(
    add: Callable[..., object], remove: Callable[[socket.socket], object], sock: ssl.SSLSocket
) -> None:
    """Wait until a socket can be read or written."""
    ready = asyncio.Event()
    add(sock, ready.set)
    try:
        await ready.wait()
    finally:
        remove(sock)


def explain(error: OSError, host: str) -> str:
    """Say what went wrong with TLS, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (WRONG_NAME, WRONG_IP):
            return f"its certificate is not for {host}; write a name that is in it into `url`"
        return UNTRUSTED.get(error.verify_code, f"its certificate: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError | BrokenPipeError):
        return "it closed the connection during TLS; is it the port without TLS? (mqtts: 8883)"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        said = next((text for word, text in ALERTS.items() if word in reason), "")
        return said or f"TLS: {reason.lower().replace('_', ' ') or 'failed'}"
    return error.strerror or str(error)
