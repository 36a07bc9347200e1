"""Where `make app` puts the editors' app that it builds from client/web/desk."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUILT"]

BUILT = Path(__file__).with_name("built")
