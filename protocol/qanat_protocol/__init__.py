"""What is on the wire, as bytes and values. Does no I/O and reads no clock."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("qanat")
