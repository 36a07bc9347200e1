"""The node: stores sealed parcels and forwards them. Never reads one."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("qanat")
