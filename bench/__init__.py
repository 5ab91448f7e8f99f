"""Figures as ratios to named baselines of the same run: `python -m bench`."""
