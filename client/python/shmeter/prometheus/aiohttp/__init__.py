"""For programs on aiohttp, which must be installed."""

from .exposition import make_aiohttp_handler

__all__ = ["make_aiohttp_handler"]
