"""What a refused request held is free once it is answered, and not only once garbage is looked for."""

from __future__ import annotations

import gc
import json
from types import FrameType
from typing import Any

import pytest

from api.in_process import JSON, InProcess
from api.problems import SOUND

EVENTS = {"Accept": "text/event-stream"}
LARGE = " " * 50_000
"""Makes a body one for a thread."""


@pytest.mark.parametrize("padding", ["", LARGE], ids=["at once", "in a thread"])
@pytest.mark.parametrize(("path", "accepted"), [("/v1/gradients", {}), ("/v1/train", {}), ("/v1/train", EVENTS)])
def test_no_frame_of_it_waits_for_the_collector(path: str, accepted: dict[str, str], padding: str) -> None:
    service = InProcess(concurrency=1)

    def refused() -> None:
        body = json.dumps({**SOUND, "bogus": 1}) + padding
        assert service.post(path, content=body, headers={**JSON, **accepted}).status_code == 422

    refused()
    assert not [frame.f_code.co_qualname for frame in left_by(refused) if "chainrule" in frame.f_code.co_filename]


def left_by(work: Any) -> list[FrameType]:
    """The frames that are garbage after some work, and not gone by themselves."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        work()
        gc.collect()
        return [found for found in gc.garbage if isinstance(found, FrameType)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
