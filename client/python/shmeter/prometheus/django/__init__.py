"""For programs on Django, which must be installed."""

from .exposition import PrometheusDjangoView

__all__ = ["PrometheusDjangoView"]
