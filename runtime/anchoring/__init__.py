"""Anchors that others give: time stamps by an authority, cosignatures by witnesses, and the witness itself."""
