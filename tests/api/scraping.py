"""Reading /metrics as Prometheus does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]


class Scrape:
    """What one answer of /metrics tells."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples: dict[Series, float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """A series; 0 where there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str) -> float:
        """The sum of all series of one name."""
        return sum(value for (found, _), value in self.samples.items() if found == name)


def scrape(service: Any) -> Scrape:
    """Of an httpx client, or of an application in process."""
    reply = service.get("/metrics")
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(reply.text)


def grown(service: Any, doing: Callable[[], object]) -> Callable[..., float]:
    """By how much each series grows while something is done."""
    before = scrape(service)
    doing()
    after = scrape(service)
    return lambda name, **labels: after(name, **labels) - before(name, **labels)
