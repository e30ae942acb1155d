"""One S3 and one Darwin for a test, and proof that neither failed by itself."""

from __future__ import annotations

import httpx
import pytest

from v7s3.sandbox import SandboxDarwin


@pytest.fixture
def darwin(s3):
    with SandboxDarwin(s3=s3) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def api(darwin):
    """Call the sandbox's Darwin: (status, JSON) of one request."""
    with httpx.Client(base_url=darwin.url, headers={"Authorization": f"ApiKey {darwin.api_key}"}) as client:

        def call(method, path, body=None, **more):
            answer = client.request(method, path, json=body, **more)
            return answer.status_code, answer.json()

        yield call


@pytest.fixture
def register(api, darwin):
    """Register items: (status, answer)."""

    def send(*items, storage="acme-frames", dataset="road-signs", readonly=False, **more):
        path = f"/api/v2/teams/{darwin.team}/items/register_existing{'_readonly' if readonly else ''}"
        return api("POST", path, {"dataset_slug": dataset, "storage_slug": storage, "items": list(items)}, **more)

    return send
