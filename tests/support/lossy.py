"""A real network that loses packets: two namespaces of the kernel, and between them a wire in this process.

Each namespace has a tunnel device (https://docs.kernel.org/networking/tuntap.html). What the kernel's TCP sends into
one is carried to the other, each packet late or, as a seed decides, never: so retransmission is the kernel's own.
It takes root, for a namespace, and /dev/net/tun.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_NEW_NETWORK: Final = 0x4000_0000  # CLONE_NEWNET
_TUN: Final = Path("/dev/net/tun")
_TUN_SET_IFF: Final = 0x4004_54CA
_IFF_TUN_WITHOUT_HEADER: Final = 0x1001
_SET_ADDRESS, _SET_MASK, _GET_FLAGS, _SET_FLAGS = 0x8916, 0x891C, 0x8913, 0x8914
_IFF_UP: Final = 1
_DEVICE: Final = b"wire"
# Of 127/8, though nothing loops back: tests may reach no other addresses.
_NEAR, _FAR = "127.77.0.1", "127.77.0.2"
_LARGEST_PACKET: Final = 65_536


def why_not() -> str | None:
    """What this machine lacks for it; None where nothing is missing."""
    if os.geteuid() != 0:
        return "real packet loss takes a network namespace, which takes root"
    if not _TUN.exists():
        return f"real packet loss takes {_TUN}"
    return None


class Side:
    """A namespace of its own, reached over its device alone. `tun` is the other end of that."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._inside = ThreadPoolExecutor(1)
        self.tun: int = self._inside.submit(self._enter).result()

    def socket(self) -> socket.socket:
        """A socket of this namespace, whoever uses it."""
        return self._inside.submit(socket.socket, socket.AF_INET, socket.SOCK_STREAM).result()

    def close(self) -> None:
        self._inside.shutdown()
        os.close(self.tun)

    def _enter(self) -> int:
        """The thread leaves the machine's network for a new one, and makes the device in it."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no namespace of the network")
        Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1")
        tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, _TUN_SET_IFF, struct.pack("16sH22x", _DEVICE, _IFF_TUN_WITHOUT_HEADER))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for request, address in ((_SET_ADDRESS, self.address), (_SET_MASK, "255.255.255.0")):
                fcntl.ioctl(control, request, _named(_packed(address)))
            (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _GET_FLAGS, _named(b"")), 16)
            fcntl.ioctl(control, _SET_FLAGS, _named(struct.pack("H", flags | _IFF_UP)))
        return tun


class LossyNetwork:
    """Two sides and the wire between them: each packet is lost with the probability `loss`, or comes `delay_s` late.

    Both may be set at any time; in the beginning nothing is lost or late.
    """

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self.carried = self.lost = 0
        """Packets, both ways together."""
        self.near, self.far = Side(_NEAR), Side(_FAR)
        self._dice = random.Random(seed)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._hops: list[Hop] = []

    def to(self, target_port: int) -> int:
        """A port of this machine behind which, past the wire, is `target_port` of it."""
        hop = Hop(self, target_port)
        self._hops.append(hop)
        return hop.port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hop in self._hops:
            hop.close()
        self._ending.set()
        self._thread.join()
        self.near.close()
        self.far.close()

    def _carry(self) -> None:
        other = {self.near.tun: self.far.tun, self.far.tun: self.near.tun}
        under_way: list[tuple[float, int, int, bytes]] = []
        numbers = count()
        while not self._ending.is_set():
            wait_s = min(0.1, max(0.0, under_way[0][0] - time.monotonic())) if under_way else 0.1
            for tun in select.select(list(other), [], [], wait_s)[0]:
                packet = os.read(tun, _LARGEST_PACKET)
                if self._dice.random() < self.loss:
                    self.lost += 1
                else:
                    late_s = self.delay_s * self._dice.uniform(0.5, 1.5)
                    heapq.heappush(under_way, (time.monotonic() + late_s, next(numbers), other[tun], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                self.carried += 1
                os.write(under_way[0][2], heapq.heappop(under_way)[3])


class Hop:
    """From a port of this machine over the wire to another: connections are taken here and made anew there."""

    def __init__(self, network: LossyNetwork, target_port: int) -> None:
        self._network = network
        self._target_port = target_port
        self._front = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._front.getsockname()[1])
        self._back = network.far.socket()
        self._back.bind((_FAR, 0))
        self._back.listen(64)
        self._open: list[socket.socket] = [self._front, self._back]
        for listener, onward in ((self._front, self._over), (self._back, self._out)):
            threading.Thread(target=self._accept, args=(listener, onward), daemon=True).start()

    def close(self) -> None:
        for each in self._open:
            _cut(each)

    def _accept(self, listener: socket.socket, onward: Callable[[], socket.socket]) -> None:
        with suppress(OSError):  # the end: the listener is closed
            while True:
                come = listener.accept()[0]
                threading.Thread(target=self._join, args=(come, onward), daemon=True).start()

    def _join(self, come: socket.socket, onward: Callable[[], socket.socket]) -> None:
        try:
            gone = onward()
        except OSError:  # nobody listens there, or the wire lost every try
            return _cut(come)
        self._open += [come, gone]
        for each in (come, gone):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # From the first of them on, either may be closed.
        for source, target in ((come, gone), (gone, come)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()
        return None

    def _over(self) -> socket.socket:
        crossing = self._network.near.socket()
        crossing.connect(self._back.getsockname())
        return crossing

    def _out(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target_port))


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either side has hung up
        while chunk := source.recv(_LARGEST_PACKET):
            target.sendall(chunk)
    _cut(source)
    _cut(target)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _packed(address: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def _named(request: Any) -> bytes:
    """A `struct ifreq` of the device."""
    return struct.pack("16s24s", _DEVICE, request)
