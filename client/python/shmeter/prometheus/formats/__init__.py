"""Texts that are written and read: parts of exposition, parser and openmetrics."""
