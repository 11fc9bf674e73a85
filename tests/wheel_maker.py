"""Wheels for tests: sound ones, and ones that lie in a chosen way."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
import zipfile
from typing import TYPE_CHECKING

from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

INFO = "probe-1.0.dist-info"
DATA = "probe-1.0.data"
FILENAME = "probe-1.0-py3-none-any.whl"
Row = tuple[str, str, str]
# Where the two headers of a zip member keep what tests change: (local, central).
FIELDS = {"flags": (6, 8), "method": (8, 10), "crc": (14, 16), "size": (22, 24)}


def hash_of(content: bytes) -> str:
    """Return a content's hash as RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()[:-1]


def make(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    name: str = "probe",
    version: str = "1.0",
    filename: str = "",
    modes: Mapping[str, int] | None = None,
    folders: Iterable[str] = (),
    method: int = zipfile.ZIP_DEFLATED,
    record: Callable[[list[Row]], list[Row]] = list,
    finish: Callable[[zipfile.ZipFile], None] = lambda _: None,
) -> Path:
    """Write a wheel of these files, with metadata and a RECORD that `record` may change."""
    info = f"{name}-{version}.dist-info"
    content = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **files,
    }
    rows = [(path, hash_of(data), str(len(data))) for path, data in content.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(record([*rows, (f"{info}/RECORD", "", "")]))
    content.setdefault(f"{info}/RECORD", text.getvalue().encode())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (filename or f"{name}-{version}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w", method) as out:
        for folder_name in folders:
            out.mkdir(folder_name)
        for member, data in content.items():
            entry = zipfile.ZipInfo("x")
            # Set afterwards: the constructor cleans names.
            entry.filename = entry.orig_filename = member
            entry.compress_type = method
            entry.external_attr = (modes or {}).get(member, 0o100644) << 16
            out.writestr(entry, data)
        finish(out)
    return path


def patch(path: Path, member: str, field: str, value: int, *, both: bool = True) -> None:
    """Change a field of a member's central header, and of its local one too unless told not to."""
    with zipfile.ZipFile(path) as archive:
        info, central = archive.getinfo(member), archive.start_dir
    data = bytearray(path.read_bytes())
    in_local, in_central = FIELDS[field]
    layout = "<H" if field in {"flags", "method"} else "<I"
    central = data.index(member.encode(), central) - 46
    struct.pack_into(layout, data, central + in_central, value)
    if both:
        struct.pack_into(layout, data, info.header_offset + in_local, value)
    path.write_bytes(data)


def stored(store: Path, paths: Sequence[Path]) -> tuple[Wheel, ...]:
    """Put wheels into a wheel store and return them as a lock has them."""
    wheels = []
    for path in paths:
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        place = store / sha256 / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        wheel = Wheel(
            name=path.name.partition("-")[0],
            version="1.0",
            filename=path.name,
            sha256=sha256,
            size_bytes=len(data),
        )
        wheels.append(wheel)
    return tuple(wheels)
