"""About how small a disk image gets when it is compressed: pieces from all over it are compressed for a try."""

from __future__ import annotations

import zlib
from io import FileIO
from pathlib import Path

CLUSTER = 1 << 16  # bytes; what QCOW2 compresses at a time (docs/interop/qcow2.txt of QEMU, “Compressed Clusters”)
SAMPLES = 256  # clusters, evenly spread: 16 MiB are read at the most
WINDOW = -12  # the window of 4 KiB, without a header, that QEMU gives to zlib


def estimate(path: Path) -> int:
    """Bytes of *path* as compressed QCOW2; within some per cent where its content is mixed. Raises `OSError`."""
    size = path.stat().st_size
    clusters = -(-size // CLUSTER)
    if not clusters:
        return 0
    count = min(SAMPLES, clusters)
    with path.open("rb", buffering=0) as file:
        packed = sum(_packed(_cluster(file, n * clusters // count)) for n in range(count))
    return round(packed * clusters / count)


def _cluster(file: FileIO, number: int) -> bytes:
    file.seek(number * CLUSTER)
    return file.read(CLUSTER)


def _packed(cluster: bytes) -> int:
    if not cluster.strip(b"\0"):  # zeros are not stored at all
        return 0
    deflate = zlib.compressobj(wbits=WINDOW)
    return min(CLUSTER, len(deflate.compress(cluster) + deflate.flush()))
