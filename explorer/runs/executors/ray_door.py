"""Why a cluster cannot be reached: asked at its door, before Ray's own client tries.

That client gives one answer to everything that can be wrong, "connection timeout", and takes half
a minute for it. So: does anybody listen at the address, does it speak Ray's protocol, does it
accept this server's token? A few seconds, one sentence with the remedy.

Ray reads RAY_AUTH_MODE and the token when it is imported, and never again: a server that was
started without them, or before they were changed, has to be started again.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

from explorer.runs.run import RunError

WITHIN = 5.0  # seconds for each question

NOBODY = (
    "Nobody answers at {0} ({1}): is the head started, the address right, the firewall open?"
    " It is tried again and again."
)
STRANGER = (
    "What answers at {0} is no client server of Ray: EXPLORER_EXECUTOR wants the port that"
    " the head was given by --ray-client-server-port, 10001 unless it was told another."
)
TOKEN = (
    "The cluster at {0} refuses this server's token: set RAY_AUTH_MODE=token, put the head's"
    " token into the file that RAY_AUTH_TOKEN_PATH names, and start this server again."
)


def knock(address: str) -> None:
    """Raises RunError with what is wrong, when Ray's client would not get in at `address`
    (ray://HOST:PORT) either."""
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname, place.port), timeout=WITHIN).close()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunError(NOBODY.format(address, why)) from error
    import grpc

    try:
        _ping(place.netloc)
    except grpc.FutureTimeoutError as error:
        raise RunError(STRANGER.format(address)) from error
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise RunError(TOKEN.format(address)) from error
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            raise RunError(STRANGER.format(address)) from error
        raise RunError(NOBODY.format(address, error.details())) from error


def _ping(place: str) -> None:
    """What Ray's client begins with, too."""
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    protocol: Any = ray_client_pb2  # made by a compiler; no types
    # The channel of an earlier attempt would make this one wait as long as its own pauses.
    channel = init_grpc_channel(place, [("grpc.use_local_subchannel_pool", 1)])
    try:
        grpc.channel_ready_future(channel).result(timeout=WITHIN)
        ping = protocol.ClusterInfoRequest(type=protocol.ClusterInfoType.PING)
        ray_client_pb2_grpc.RayletDriverStub(channel).ClusterInfo(ping, timeout=WITHIN)
    finally:
        channel.close()
