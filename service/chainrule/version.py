"""The version of the service, and of the conventions its numbers follow."""

VERSION = "0.1.0"
"""The distribution's. It is read from here when that is built: asking what is installed takes 15 ms of a start."""

CONVENTIONS = 1
"""Rises when any convention of the mathematics changes, so that a regrade reproduces."""
