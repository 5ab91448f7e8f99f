"""The one place that states Charter's version; imports nothing, so that `charter --version` is instant."""

VERSION = "0.1.0"
