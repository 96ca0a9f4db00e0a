"""torchrun, except that it listens on this machine's own address only, at any free port.

    python at_home.py --nproc_per_node=2 -m gpt train …

torchrun's own meeting place is open to the whole network, which a test has no business to be.
"""

import functools
import os
import socket
import sys

from torch.distributed import TCPStore, run
from torch.distributed.elastic.rendezvous import static_tcp_rendezvous

HOME = "127.0.0.1"

if __name__ == "__main__":
    place = socket.create_server((HOME, 0))
    listening = functools.partial(TCPStore, master_listen_fd=place.fileno())
    static_tcp_rendezvous.TCPStore = listening
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    port = place.getsockname()[1]
    run.main([f"--master-port={port}", f"--local-addr={HOME}", *sys.argv[1:]])
