"""Zip files with the same bytes for the same content, and reading them with limits."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from charter.runtime.stages.api import StageRefused

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MOST_BYTES = 4 << 30
_MOST_ENTRIES = 10_000


def write_zip(path: Path, entries: Mapping[str, bytes]) -> Path:
    """Write entries by name, in order of name, with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return path


def read_zip(path: Path, *, what: str) -> dict[str, bytes]:
    """All entries by name.

    Raises:
        StageRefused: not a whole zip file, or it unpacks to more than 4 GiB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_ENTRIES or sum(info.file_size for info in infos) > _MOST_BYTES:
                raise StageRefused("file too large", f"{what}, `{path.name}`, unpacks to more than this version reads.")
            return {info.filename: archive.read(info) for info in infos if not info.is_dir()}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise StageRefused(
            "not a whole file",
            f"{what}, `{path.name}`, cannot be read as the zip file it should be ({type(error).__name__}). Run the "
            "stage that makes it again.",
        ) from error
