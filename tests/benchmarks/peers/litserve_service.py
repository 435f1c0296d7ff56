"""Gradients behind LitServe: one worker process beside its server. `python litserve_service.py PORT`."""

from __future__ import annotations

import sys
from typing import Any

import litserve
from autograd import gradients


class Gradients(litserve.LitAPI):
    """LitServe parses the JSON and writes it; requests go to the worker through a queue."""

    def setup(self, device: str) -> None:
        """There is no model to load: the network is in the request."""

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        return gradients(request)


if __name__ == "__main__":
    server = litserve.LitServer(Gradients(api_path="/gradients"), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
