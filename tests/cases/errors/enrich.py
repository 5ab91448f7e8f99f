"""The code that cases name."""


def fit(context):
    """A trainer."""


def rows(context):
    """Derived rows."""
