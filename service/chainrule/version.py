"""The version of the service, and of the conventions its numbers follow."""

from importlib.metadata import version

VERSION = version("chainrule")

CONVENTIONS = 1
"""Rises when any convention of the mathematics changes, so that a regrade reproduces."""
