"""The service over HTTP: `uvicorn chainrule.api:app`, or `create_app` with settings of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.api.settings import Settings

if TYPE_CHECKING:
    from chainrule.api.application import Application

    app: Application

__all__ = ["Settings", "app", "create_app"]


def create_app(settings: Settings | None = None) -> Application:
    """The ASGI application under `settings`, by default those of the environment."""
    settings = settings or Settings()
    settings.limit_threads()
    # Loads NumPy, which from then on keeps to the number of threads it found.
    from chainrule.api.application import Application

    return Application(settings)


def __getattr__(name: str) -> Any:
    """`app`, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = made = create_app()
    return made
