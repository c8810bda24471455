"""Why a server cannot be reached, and what one that answers can do.

pymilvus says the same of a wrong token, a wrong port and a server that is not there.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from threading import Thread

import grpc
from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc

from milvise.adapter.address import Address
from milvise.adapter.versions import Version, version_of
from milvise.errors import DeniedError, MilviseError, UnavailableError

CALL_TIMEOUT_S = 5.0
LOOK_TIMEOUT_S = 3.0

_FIRST_INFIX = (2, 4)
"""Release notes of 2.4.0-rc.1: "Inverted Index and Fuzzy Matching"."""

_REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
_SILENT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
_NO_SUCH_NAME = re.compile(r"errors resolving|DNS resolution failed|lookup failed|not found", re.IGNORECASE)


def looks_inside(version: str, *, is_lite: bool) -> bool:
    """Return whether ``LIKE "%x%"`` is understood; older servers know prefixes only, and so may one of no version."""
    return is_lite or is_since(version, _FIRST_INFIX)


def is_since(version: str, first: Version) -> bool:
    """Return whether a server's version is this one or later; one without a version may be older."""
    numbers = version_of(version)
    return numbers is not None and numbers >= first


def explain_failure(address: Address) -> MilviseError | None:
    """Return the error that says why no client can be made for this address; None if the server answers this call.

    It takes up to `CALL_TIMEOUT_S` and twice `LOOK_TIMEOUT_S`.
    """
    error = _call(address)
    if error is None:
        return None
    code, details = error.code(), str(error.details())
    if code in _REFUSED:
        given = "the token that was given" if address.token else "a call without a token"
        return DeniedError(
            f"Milvus at {address} refused {given}: {details}.\nExpected: user:password or an API key in --token or"
            " MILVISE_TOKEN."
        )
    if code in _SILENT:
        return UnavailableError(f"no answer from Milvus at {address}: {_reason(address, details)}")
    return UnavailableError(
        f"what answers at {address} is not Milvus, or is not ready: {code.name}: {details}. Check host and port"
        " (Milvus' own is 19530)."
    )


def _call(address: Address) -> grpc.RpcError | None:
    options = [("grpc.enable_retries", 0)]
    if address.secure:
        channel = grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(address.target, options)
    header = base64.b64encode(address.token.encode())
    with channel:
        try:
            milvus_pb2_grpc.MilvusServiceStub(channel).Connect(
                milvus_pb2.ConnectRequest(),
                timeout=CALL_TIMEOUT_S,
                metadata=[("authorization", header)] if address.token else [],
            )
        except grpc.RpcError as error:
            return error
    return None


def _reason(address: Address, details: str) -> str:
    if _NO_SUCH_NAME.search(details):
        return f"the host name {address.host} cannot be resolved. Check it."
    found: Future[str] = Future()
    # The system may look for a name for much longer than anybody waits.
    Thread(target=lambda: found.set_result(_look(address)), daemon=True).start()
    try:
        return found.result(timeout=2 * LOOK_TIMEOUT_S)
    except Late:
        return f"nothing came back within {CALL_TIMEOUT_S + 2 * LOOK_TIMEOUT_S:.0f} s. Is the server running?"


def _look(address: Address) -> str:
    place = f"{address.host}, port {address.port}"
    try:
        with socket.create_connection((address.host, address.port), timeout=LOOK_TIMEOUT_S) as opened:
            return _look_for_tls(address, opened)
    except (socket.gaierror, UnicodeError):
        return f"the host name {address.host} cannot be resolved. Check it."
    except ConnectionRefusedError:
        return f"nothing listens at {place}. Is the server running, and is the port right?"
    except TimeoutError:
        return f"{place} cannot be reached within {LOOK_TIMEOUT_S:.0f} s. Check host, port and firewalls."
    except OSError as error:
        return f"{place} cannot be reached: {error.strerror or error}."


def _look_for_tls(address: Address, opened: socket.socket) -> str:
    context = ssl.create_default_context()
    if not address.secure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(opened, server_hostname=address.host).close()
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({error.verify_message})."
    except TimeoutError:
        return "connections are accepted and nothing is answered. The server hangs, or it is not Milvus."
    except OSError:
        if address.secure:
            return "the address says https, and what listens there does not speak TLS. Try http://."
        return "something listens there that is not Milvus. Check the port (Milvus' own is 19530)."
    if not address.secure:
        return "the address says http, and what listens there speaks TLS. Try https://."
    return "something listens there that is not Milvus. Check the port."
