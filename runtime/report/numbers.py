"""Numbers as people read them: evidence keeps its decimals in the ledger, a page shows enough of them."""

from decimal import Decimal, InvalidOperation

_UNITS = (("years", 365 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60))


def decimal_of(value: object) -> Decimal | None:
    """The number that a recorded value stands for, if it is one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def shown(value: object, unit: str | None) -> str:
    """`0.913`, `31,204`, `3 days`, `14.2 MB`, `yes`; text stays text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = decimal_of(value)
    if number is None:
        return str(value)
    if unit == "seconds":
        return duration(float(number))
    if unit == "bytes":
        return size(int(number))
    if abs(number) >= Decimal("1e15") or 0 < abs(number) < Decimal("0.0001"):
        return f"{number:.1e}"
    if number == number.to_integral_value():
        return f"{int(number):,}"
    places = 4 if abs(number) < 1 else 3
    return f"{number:,.{places}f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """`0.4 s`, `3 minutes`, `2 years`."""
    for name, length in _UNITS:
        if seconds >= 2 * length or seconds == length:
            count = f"{seconds / length:.1f}".removesuffix(".0")
            return f"{count} {name.removesuffix('s') if count == '1' else name}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def size(count: int) -> str:
    """`812 bytes`, `14.2 MB`."""
    number = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError


def plural(count: int, noun: str, many: str | None = None) -> str:
    """`1 gate`, `3 gates`, `no gates`."""
    name = noun if count == 1 else many or f"{noun}s"
    return f"{count or 'no'} {name}"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
