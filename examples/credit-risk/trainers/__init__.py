"""The example team's own trainers."""
