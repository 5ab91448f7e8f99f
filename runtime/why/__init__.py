"""Why a gate is closed, and the smallest sets of evidence or signatures that would open it."""
