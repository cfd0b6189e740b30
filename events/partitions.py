"""Which partition a user or an offer belongs to, and how a partition tags its keys."""

from zlib import crc32


def partition_of(name: str, partitions: int) -> int:
    """0 to `partitions` − 1, the same on every machine and in every run."""
    return crc32(name.encode()) % partitions if partitions > 1 else 0


def tag(partition: int) -> str:
    """The hash tag that keeps a partition's keys in one slot of a cluster."""
    return f"{{{partition}}}"
