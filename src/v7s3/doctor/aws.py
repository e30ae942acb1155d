"""The AWS clients of one run. They are made in the main thread and used by all others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from v7s3.s3 import AwsSettings, connect, credentials_source, open_session

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3control.client import S3ControlClient
    from mypy_boto3_sts.client import STSClient

    from v7s3.s3 import CredentialsSource


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One request and what AWS's support needs to find it."""

    operation: str
    status: int
    request_id: str


class Aws:
    """Clients for one bucket. Raises UsageError for a profile or an endpoint that cannot be used."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self.exchanged: list[Exchanged] = []
        self._clients: list[Any] = []
        self._session = open_session(settings)
        self.sts: STSClient = self._watched(connect(settings, service="sts", session=self._session))
        self._open(settings)

    def _open(self, settings: AwsSettings) -> None:
        session = self._session
        self.s3: S3Client = self._watched(connect(settings, session=session))
        self.anonymous: S3Client = self._watched(connect(settings, session=session, anonymous=True))
        self.kms: KMSClient = self._watched(connect(settings, service="kms", session=session))
        self.control: S3ControlClient = self._watched(connect(settings, service="s3control", session=session))

    def credentials(self) -> CredentialsSource:
        """Where the credentials come from. Raises CredentialsError when there are none."""
        return credentials_source(self._session)

    def enter(self, region: str) -> None:
        """Make the clients anew when the bucket is in another region; for the main thread, before they are used."""
        if region in ("", self.s3.meta.region_name):
            return
        self._open(replace(self._settings, region=region))

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def _watched(self, client: Any) -> Any:
        self._clients.append(client)
        client.meta.events.register("after-call", self._remember)
        return client

    def _remember(self, http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        metadata = parsed.get("ResponseMetadata", {})
        self.exchanged.append(Exchanged(model.name, http_response.status_code, str(metadata.get("RequestId", ""))))
