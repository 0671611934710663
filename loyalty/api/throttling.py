"""How much a caller may ask for in a minute."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class CredentialThrottle(SimpleRateThrottle):
    """Counts by credential; callers without one share a small allowance per address."""

    scope = "credential"

    def __init__(self) -> None:
        """Wait for the request to know which rate holds."""

    def get_cache_key(self, request: Request, _view: Any) -> str:
        if request.auth is not None:
            return f"throttle-{type(request.auth).__name__}-{request.auth.pk}"
        return f"throttle-{self.get_ident(request)}"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = "credential" if request.auth is not None else "anonymous"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))
