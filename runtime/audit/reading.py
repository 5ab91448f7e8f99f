"""Text files that people hand to an audit, read up to a bound."""

from pathlib import Path

from charter.runtime.failure import Failure


def read_text(path: Path, what: str, largest: int, encoding: str = "utf-8") -> str:
    """The text of a file.

    Args:
        path: the file.
        what: what it is, for messages, such as `list`.
        largest: bytes that it may have.
        encoding: `utf-8-sig` where a mark at its beginning is allowed.

    Raises:
        Failure: it cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise Failure(f"cannot read the {what}", f"`{path}`: {error.strerror}.") from None
    if len(data) > largest:
        raise Failure(f"{what} is too large", f"`{path}` has more than {largest >> 20} MiB.")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Failure("not a text file", f"`{path}` is not UTF-8 text: byte {error.start}.") from None
    if "\0" in text:
        raise Failure("not a text file", f"`{path}` holds NUL bytes.")
    return text
