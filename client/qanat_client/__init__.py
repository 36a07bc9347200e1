"""The reporter and the desk, and how parcels travel between them. Never imports the relay."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("qanat")
