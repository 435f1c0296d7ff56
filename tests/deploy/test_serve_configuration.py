"""The configuration of Ray Serve, and the adapter it names: what holds of them without starting Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.types import Message, Receive, Scope, Send

from chainrule.api import Settings
from chainrule.api.available_memory import available_memory
from chainrule.api.cpus import available_cpus

schema = pytest.importorskip("ray.serve.schema")
ray_serve = pytest.importorskip("chainrule.api.ray_serve")

CONFIGURATION = yaml.safe_load(
    (Path(__file__).parents[2] / "service" / "deploy" / "ray" / "serve.yaml").read_text(encoding="utf-8")
)
(APPLICATION,) = CONFIGURATION["applications"]
(DEPLOYMENT,) = APPLICATION["deployments"]
DEFAULTS = Settings()


def assert_known(given: Mapping[str, Any], model: Any) -> None:
    """Ray drops fields that it does not know; here they fail."""
    assert set(given) <= set(model.model_fields), model.__name__


def test_it_is_valid_and_has_no_field_that_ray_would_drop() -> None:
    schema.ServeDeploySchema.model_validate(CONFIGURATION)
    assert_known(CONFIGURATION, schema.ServeDeploySchema)
    assert_known(CONFIGURATION["http_options"], schema.HTTPOptionsSchema)
    assert_known(APPLICATION, schema.ServeApplicationSchema)
    assert_known(DEPLOYMENT, schema.DeploymentSchema)
    assert_known(DEPLOYMENT["autoscaling_config"], schema.AutoscalingConfig)
    assert_known(DEPLOYMENT["ray_actor_options"], schema.RayActorOptionsSchema)


def test_it_names_the_adapter_and_its_deployment() -> None:
    module, _, name = APPLICATION["import_path"].partition(":")
    assert getattr(ray_serve, name) is ray_serve.app
    assert module == ray_serve.__name__
    assert DEPLOYMENT["name"] == ray_serve.deployment.name


def test_its_variables_are_settings() -> None:
    named = {f"CHAINRULE_{name.upper()}": name for name in Settings.model_fields}
    variables = APPLICATION["runtime_env"]["env_vars"]
    assert set(variables) <= set(named)
    Settings.model_validate({named[variable]: value for variable, value in variables.items()})


def test_serve_lets_in_more_than_the_service_takes_so_that_the_service_says_429() -> None:
    cpus = DEPLOYMENT["ray_actor_options"]["num_cpus"]
    taken = cpus + DEFAULTS.queue + DEFAULTS.batches
    assert (
        ray_serve.deployment.max_ongoing_requests > taken > DEPLOYMENT["autoscaling_config"]["target_ongoing_requests"]
    )


def test_a_replica_is_given_the_time_that_a_request_may_take() -> None:
    assert ray_serve.deployment._deployment_config.graceful_shutdown_timeout_s > DEFAULTS.deadline


def test_a_replica_computes_on_its_share_of_the_machine() -> None:
    half = (available_memory() or 0) // 2
    assert ray_serve.share_of(DEFAULTS, 3.0).concurrency == 3
    assert ray_serve.share_of(DEFAULTS, 0.0).concurrency == 1
    assert ray_serve.share_of(DEFAULTS.model_copy(update={"threads": 2}), 4.0).concurrency == 2
    assert ray_serve.share_of(DEFAULTS, 1.0).memory == min(2 * 2**30, half // available_cpus())
    aside = ray_serve.share_of(DEFAULTS, 2.0, 2**30)
    assert (aside.memory, aside.memory_for_bodies, aside.body_bytes) == (2**28, 2**28, 2**25)
    own = DEFAULTS.model_copy(update={"concurrency": 5, "max_memory_bytes": 1000, "max_body_bytes": 2000})
    kept = ray_serve.share_of(own, 2.0, 2**30)
    assert (kept.workers, kept.memory, kept.body_bytes) == (5, 1000, 2000)


def test_the_request_id_is_left_to_serve_and_nothing_else() -> None:
    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-request-id", b"a"), (b"retry-after", b"1")]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": b"x"})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(ray_serve.OneRequestId(service)({"type": "http"}, receive, send))
    assert sent == [
        {"type": "http.response.start", "status": 429, "headers": [(b"retry-after", b"1")]},
        {"type": "http.response.body", "body": b"x"},
    ]
