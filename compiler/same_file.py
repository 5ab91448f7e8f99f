"""Which datasets read one file, whatever they call it: a link, another name of it, or a copy.

Files are the same when the system says so, or when they hold the same bytes. Only files of one size are read for that,
and for a check only up to `MOST_READ`; what was not compared is named, so that nobody takes it for different.
"""

import os
from collections import defaultdict

import msgspec

from charter.compiler import model
from charter.compiler.files import ProjectFiles, Refusal

MOST_READ = 32 * 1024 * 1024
"""Largest data file that a check reads to compare it, in bytes; a compilation reads all anyway, to pin them."""


def with_files(charter: model.Charter, files: ProjectFiles, *, whole: bool) -> model.Charter:
    """The charter with what is known of its data files; `whole` compares files of any size."""
    written = dict.fromkeys(path for dataset in charter.datasets.values() if (path := model.data_path(dataset)))
    if len(written) < 2:
        return charter
    first: dict[tuple[int, int], str] = {}
    sizes: defaultdict[int, list[str]] = defaultdict(list)
    same: dict[str, str] = {}
    unknown: list[str] = []
    for path in written:
        found = _status(path, files)
        if found is None:
            unknown.append(path)
            continue
        name = (found.st_dev, found.st_ino)
        if name in first:
            same[path] = first[name]
        else:
            first[name] = path
            sizes[found.st_size].append(path)
    copies: dict[str, str] = {}
    for size, paths in sizes.items():
        if len(paths) > 1:
            _compare(paths, files, copies, unknown, readable=whole or size <= MOST_READ)
    known = {path: copies.get(same.get(path, path), same.get(path, path)) for path in written}
    return msgspec.structs.replace(charter, same_files=known, uncompared=tuple(sorted(unknown)))


def _status(path: str, files: ProjectFiles) -> os.stat_result | None:
    located = files.locate(path)
    if isinstance(located, Refusal):
        return None
    try:
        return located.stat()
    except OSError:
        return None


def _compare(
    paths: list[str], files: ProjectFiles, copies: dict[str, str], unknown: list[str], *, readable: bool
) -> None:
    """Put every file of one size that repeats an earlier one into `copies`, and what cannot be read into `unknown`."""
    of_digest: dict[str, str] = {}
    for path in paths:
        try:
            digest = files.digest(path) if readable else None
        except OSError:
            digest = None
        if isinstance(digest, str):
            copies[path] = of_digest.setdefault(digest, path)
        else:
            unknown.append(path)
