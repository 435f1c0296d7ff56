"""Refusals by the schemas themselves, in words that reach the caller as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from chainrule.schemas.envelope import TensorRef

OWN_WORDS = "own_words"
"""The type of such an error."""


def in_own_words(message: str) -> PydanticCustomError:
    """For a validator to raise."""
    return PydanticCustomError(OWN_WORDS, "{message}", {"message": message})


def array_only(message: str) -> BeforeValidator:
    """Refuses what is no array."""

    def check(value: Any) -> Any:
        if not isinstance(value, list | TensorRef):
            raise in_own_words(message)
        return value

    return BeforeValidator(check)


def no_object(message: str) -> BeforeValidator:
    """Refuses an object."""

    def check(value: Any) -> Any:
        if isinstance(value, Mapping):
            raise in_own_words(message)
        return value

    return BeforeValidator(check)
