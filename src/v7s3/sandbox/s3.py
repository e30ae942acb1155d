"""The sandbox's S3: moto behind answers of our own wherever Amazon's differ.

    with SandboxS3() as s3:
        s3.make_bucket("frames", region="eu-west-1")
        s3.put("frames", "raw/1.jpg", picture)
        s3.client().list_objects_v2(Bucket="frames")      # a boto3 client with the owner's key
        s3.client("v7")                                   # … with the key of V7's role

Callers are told apart by their access key. `owner` may do everything; `operator` is a user of the same account who is
denied the actions in `deny`; `v7` is V7's role, whose every request passes the access check of `gate`; `stranger` is a
third account. Signatures are verified; a key nobody knows is refused, and so is an unsigned request.
STS, KMS, SQS and IAM answer at the same address.
"""

from __future__ import annotations

import json
import mimetypes
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from v7s3.sandbox import configuration, cors, events, listing, s3xml
from v7s3.sandbox.access import glob
from v7s3.sandbox.actions import action_of, service_action
from v7s3.sandbox.configuration import Configuration
from v7s3.sandbox.faults import Faults
from v7s3.sandbox.gate import Attempt, Gate, RefusalError
from v7s3.sandbox.identity import (
    ANONYMOUS,
    V7,
    Identity,
    SignatureError,
    Signed,
    check_signature,
    presign,
    read_signature,
)
from v7s3.sandbox.s3xml import S3Error
from v7s3.sandbox.serving import Request, Response, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from v7s3.sandbox.store import Store

# The canonical user id moto gives the owner in ACLs; a foreign object's owner is any other id.
_OWNER_ID = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"


@dataclass(frozen=True)
class _Target:
    """What a request is about and who asks."""

    bucket: str
    key: str
    identity: Identity
    signed: Signed | None
    action: str


class SandboxS3:
    """A local S3 on 127.0.0.1. `deny`: actions (globs) refused to the operator's key. `v7_source_ip`: the address V7's
    requests seem to come from. Read-only truth: `requests` counts (caller, action), `refusals` says why V7 was refused.
    """

    def __init__(
        self,
        *,
        deny: Iterable[str] = (),
        v7_source_ip: str = "203.0.113.7",
        faults: Faults | None = None,
        port: int = 0,
    ) -> None:
        self.deny = set(deny)
        self.faults = faults or Faults()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.refusals: list[str] = []
        self.account_blocks: dict[str, bool] = {}
        self._v7_source_ip = v7_source_ip
        self._server = Server(self._answer, port)
        self._configurations: dict[str, Configuration] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._session: Any = None  # boto3's; the second client of one session is made ten times faster
        self._lock = threading.Lock()
        self._numbers = 0
        self._store: Store | None = None

    # --- life -------------------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        from v7s3.sandbox.store import Store  # noqa: PLC0415  # moto takes a second to import

        self._store = Store()
        account = self._store.account
        user = f"arn:aws:iam::{account}:user"
        known = [
            Identity("owner", "testing", "testing", account, f"{user}/owner"),
            Identity("operator", "AKIAOPERATOR", "the-secret-of-the-operator", account, f"{user}/operator"),
            Identity("stranger", "AKIASTRANGER", "the-secret-of-a-stranger", "111122223333", f"{user}/stranger"),
            Identity("expired", "ASIAEXPIRED", "the-secret-of-an-old-session", account, None),
            V7,
        ]
        self.identities = {identity.name: identity for identity in known}
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._server.stop()
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def errors(self) -> list[BaseException]:
        """Bugs of the sandbox itself; a test may assert that there are none."""
        return self._server.errors

    @property
    def store(self) -> Store:
        if self._store is None:
            raise RuntimeError("the sandbox's S3 is not running: use it in a with statement")
        return self._store

    @property
    def account(self) -> str:
        return self.store.account

    # --- what tests and the demo use --------------------------------------------------------------------------------
    def environment(self, identity: str = "owner") -> dict[str, str]:
        """The environment that points boto3 and the AWS command line here."""
        who = self.identities[identity]
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self, identity: str = "owner", service: str = "s3", region: str = "us-east-1") -> Any:
        """A boto3 client of `service` for this server, the same one each time."""
        import boto3  # noqa: PLC0415  # half a second
        from botocore.config import Config  # noqa: PLC0415

        known = self._clients.get((identity, service, region))
        if known is None:
            who = self.identities[identity]
            if self._session is None:
                self._session = boto3.session.Session()
            known = self._clients[identity, service, region] = self._session.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=who.access_key,
                aws_secret_access_key=who.secret_key,
                config=Config(signature_version="s3v4" if service == "s3" else "v4", s3={"addressing_style": "path"}),
            )
        return known

    def make_bucket(self, bucket: str, region: str = "us-east-1", *, legacy: bool = False) -> None:
        """An empty bucket. `legacy`: as made before April 2023, without Block Public Access and with ACLs."""
        self.store.create_bucket(bucket, region)
        if legacy:
            made = self.configuration(bucket)
            made.blocks, made.ownership = None, "ObjectWriter"

    def configuration(self, bucket: str) -> Configuration:
        """What the bucket is set to; may be changed in place."""
        with self._lock:
            return self._configurations.setdefault(bucket, Configuration(bucket))

    def grant_v7(self, bucket: str, *actions: str) -> None:
        """The bucket policy V7 documents; `actions` default to GetObject and PutObject."""
        granted = list(actions or ("s3:GetObject", "s3:PutObject"))
        on_objects = [action for action in granted if action != "s3:ListBucket"]
        base = {"Effect": "Allow", "Principal": {"AWS": V7.arn}}
        statements = [{"Sid": "DarwinAccess", **base, "Action": on_objects, "Resource": f"arn:aws:s3:::{bucket}/*"}]
        if "s3:ListBucket" in granted:
            statements.append({**base, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.configuration(bucket).policy = json.dumps(policy).encode()

    def allow_origin(self, bucket: str, *origins: str) -> None:
        """A CORS configuration with one rule: GET for `origins`, any header."""
        rule = cors.Rule("v7-darwin", origins, ("GET",), ("*",), (), None)
        self.configuration(bucket).cors = (rule,)

    def put(self, bucket: str, key: str, body: bytes, content_type: str = "", storage_class: str = "STANDARD") -> None:
        """One object, with a content type guessed from the key unless it is given."""
        guessed = content_type or mimetypes.guess_type(key)[0] or "binary/octet-stream"
        self.store.put(bucket, key, body, guessed, storage_class)

    def put_many(self, bucket: str, keys: Iterable[tuple[str, int]], modified: datetime | None = None) -> int:
        """Many (key, size) at once: listed with their size, empty when read. Returns their number."""
        return self.store.put_many(bucket, keys, modified)

    def keys(self, bucket: str) -> list[str]:
        return list(self.store.names(bucket))

    def object_url(self, bucket: str, key: str) -> str:
        return f"{self.url}/{bucket}/{quote(key, safe='/-_.~')}"

    def presign(self, bucket: str, key: str, method: str = "GET", identity: str = "v7", expires: int = 900) -> str:
        region = self.store.region(bucket) or "us-east-1"
        return presign(self.identities[identity], method, self.object_url(bucket, key), region, expires)

    # --- one request ------------------------------------------------------------------------------------------------
    def _answer(self, request: Request) -> Response:
        self.faults.pause()
        request_id = self._next_id()
        bucket, _, key = request.path.removeprefix("/").partition("/")
        found = self.store.region(bucket) is not None
        rules = self.configuration(bucket).cors if found else None
        try:
            self.faults.strike_s3()
            if request.method == "OPTIONS":
                response = cors.preflight(request, rules, exists=found, is_object=bool(key))
            else:
                response = self._signed(request, bucket, key)
        except (S3Error, SignatureError) as error:
            if isinstance(error, RefusalError):
                self.refusals.append(f"{request.method} {request.path}: {error.because}")
            response = S3Error(error.status, error.code, error.message, **error.details).response(request_id)
        headers = {**response.headers, "x-amz-request-id": request_id, "x-amz-id-2": "v7s3-sandbox"}
        if request.method != "OPTIONS":
            headers |= cors.actual_headers(request, rules)
        if found and (region := self.store.region(bucket)):
            headers["x-amz-bucket-region"] = region
        return replace(response, headers=headers)

    def _next_id(self) -> str:
        with self._lock:
            self._numbers += 1
            return f"V7S3{self._numbers:012X}"

    def _signed(self, request: Request, bucket: str, key: str) -> Response:
        signed = read_signature(request)
        if signed is not None and signed.service != "s3":
            return self._other_service(request, signed)
        identity = self._identify(request, signed)
        if request.raw_path.startswith("/v20180820/"):
            return self._account_blocks(request, identity)
        target = _Target(bucket, key, identity, signed, action_of(request, bucket, key))
        self.requests[identity.name, target.action] += 1
        if bucket:
            self._check_bucket(request, target)
        self._check_rights(request, target)
        return self._carry_out(request, target)

    def _identify(self, request: Request, signed: Signed | None) -> Identity:
        if signed is None:
            return ANONYMOUS
        for identity in self.identities.values():
            if identity.access_key == signed.access_key:
                check_signature(request, signed, identity.secret_key, datetime.now(UTC))
                if identity.name == "expired":
                    raise S3Error(400, "ExpiredToken", "The provided token has expired.")
                return identity
        raise S3Error(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            AWSAccessKeyId=signed.access_key,
        )

    def _check_bucket(self, request: Request, target: _Target) -> None:
        region = self.store.region(target.bucket)
        if target.action == "s3:CreateBucket":
            return
        if region is None:
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=target.bucket)
        signed = target.signed
        if signed is not None and signed.region != region and target.action != "s3:GetBucketLocation":
            code = "AuthorizationQueryParametersError" if signed.presigned else "AuthorizationHeaderMalformed"
            what = "X-Amz-Credential parameter" if signed.presigned else "authorization header"
            raise S3Error(
                400,
                code,
                f"The {what} is malformed; the region '{signed.region}' is wrong; expecting '{region}'",
                Region=region,
            )
        if request.headers.get("x-amz-expected-bucket-owner", self.account) != self.account:
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _check_rights(self, request: Request, target: _Target) -> None:
        name = target.identity.name
        if name == "owner":
            return
        if name == "operator":
            self._check_operator(target.action, f"arn:aws:s3:::{target.bucket}")
            return
        if name == "anonymous":
            raise S3Error(403, "AccessDenied", "Access Denied")
        if not target.bucket or self.store.region(target.bucket) is None:
            return
        presigned = target.signed is not None and target.signed.presigned
        attempt = Attempt(target.identity, request, target.action, target.key, presigned, self._v7_source_ip)
        Gate(self.configuration(target.bucket), self.account_blocks, self.store).check(attempt)

    def _check_operator(self, action: str, resource: str) -> None:
        if any(glob(pattern.lower(), action.lower()) for pattern in self.deny):
            raise S3Error(
                403,
                "AccessDenied",
                f"User: {self.identities['operator'].arn} is not authorized to perform: {action} on resource: "
                f'"{resource}" because no identity-based policy allows the {action} action',
            )

    def _carry_out(self, request: Request, target: _Target) -> Response:
        bucket, key = target.bucket, target.key
        if bucket and not key:
            kept = configuration.answer(request, self.configuration(bucket), self.account_blocks)
            if kept is not None:
                self._announce_queues(request, bucket)
                return kept
            if target.action == "s3:GetEncryptionConfiguration" and request.method == "GET":
                return self._encryption(request)
            if target.action == "s3:ListBucket" and request.method == "GET":
                foreign = self.configuration(bucket).foreign
                names = self.store.names(bucket)
                return listing.list_objects(request, bucket, names, lambda name: self._entry(bucket, name, foreign))
        before = self.store.key(bucket, key) if key else None
        response = self.store.call(request)
        if response.status < 300:
            self._after(request, target)
            if key:
                self._notify(request, target, existed=before is not None)
        return response

    def _announce_queues(self, request: Request, bucket: str) -> None:
        """S3 sends a test event to every queue when notifications are put."""
        if request.asks("notification") and request.method == "PUT":
            for queue in self.configuration(bucket).queues:
                self.store.send_message(queue.arn, events.test_message(bucket))

    def _notify(self, request: Request, target: _Target, *, existed: bool) -> None:
        name = _event_name(request, target)
        if not name or (name.startswith("ObjectRemoved") and not existed):
            return
        found = self.store.key(target.bucket, target.key) if name.startswith("ObjectCreated") else None
        size, etag = (found.size, found.etag.strip('"')) if found is not None else (None, None)
        region = self.store.region(target.bucket) or ""
        happening = events.Happening(name, target.bucket, region, target.key, size, etag)
        for queue in self.configuration(target.bucket).queues:
            if queue.wants(happening):
                self.store.send_message(queue.arn, events.message(queue, happening))

    def _after(self, request: Request, target: _Target) -> None:
        """What Amazon does with a success and moto does not."""
        bucket, key = target.bucket, target.key
        if target.action == "s3:DeleteBucket":
            with self._lock:
                self._configurations.pop(bucket, None)
        elif target.action == "s3:PutObject" and key:
            self.store.complete_encryption(bucket, key)
            kept = self.configuration(bucket)
            theirs = target.identity.account != self.account
            given = request.headers.get("x-amz-acl") == "bucket-owner-full-control"
            if theirs and (kept.ownership == "ObjectWriter" or (kept.ownership != "BucketOwnerEnforced" and not given)):
                kept.foreign[key] = target.identity.account
            else:
                kept.foreign.pop(key, None)

    def _entry(self, bucket: str, name: str, foreign: Mapping[str, str]) -> listing.Entry | None:
        key = self.store.key(bucket, name)
        if key is None:
            return None
        owner = foreign[name].rjust(64, "0") if name in foreign else _OWNER_ID
        return listing.Entry(key.last_modified_ISO8601, key.etag, key.size, key.storage_class, owner)

    def _encryption(self, request: Request) -> Response:
        response = self.store.call(request)
        if response.status != 404:
            return response
        default = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
        rule = f"<Rule>{default}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>"
        name = "ServerSideEncryptionConfiguration"
        return s3xml.document(f'<{name} xmlns="{s3xml.NAMESPACE}">{rule}</{name}>')

    # --- other services ---------------------------------------------------------------------------------------------
    def _account_blocks(self, request: Request, identity: Identity) -> Response:
        """s3control's Get-, Put- and DeletePublicAccessBlock of the whole account."""
        verb = {"GET": "Get", "PUT": "Put", "DELETE": "Put"}.get(request.method, "Get")
        action = f"s3:{verb}AccountPublicAccessBlock"
        self.requests[identity.name, action] += 1
        self._check_operator_or_owner(identity, action)
        if request.method == "GET":
            return configuration.write_blocks(self.account_blocks or None)
        self.account_blocks = configuration.read_blocks(request.body) if request.method == "PUT" else {}
        return Response(204 if request.method == "DELETE" else 200)

    def _other_service(self, request: Request, signed: Signed) -> Response:
        action = service_action(request)
        try:
            identity = self._identify(request, signed)
            self.requests[identity.name, action] += 1
            if action == "sts:GetCallerIdentity":
                return self._caller(identity)
            self._check_operator_or_owner(identity, action)
        except (S3Error, SignatureError) as error:
            if request.headers.get("x-amz-target"):
                body = json.dumps({"__type": f"{error.code}Exception", "message": error.message}).encode()
                return Response(400, body, {"Content-Type": "application/x-amz-json-1.1"})
            fields = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{s3xml.text(error.message)}</Message>"
            return s3xml.document(f"<ErrorResponse><Error>{fields}</Error></ErrorResponse>", status=error.status)
        return self.store.call(request)

    def _check_operator_or_owner(self, identity: Identity, action: str) -> None:
        if identity.name == "operator":
            self._check_operator(action, "*")
        elif identity.name != "owner":
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _caller(self, identity: Identity) -> Response:
        fields = f"<Arn>{identity.arn}</Arn><UserId>AIDASANDBOX{identity.name.upper()}</UserId>"
        result = f"<GetCallerIdentityResult>{fields}<Account>{identity.account}</Account></GetCallerIdentityResult>"
        return s3xml.document(
            f'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{result}'
            f"<ResponseMetadata><RequestId>{self._next_id()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )


def _event_name(request: Request, target: _Target) -> str:
    """The S3 event a successful request on an object causes, "" when it causes none."""
    if target.action == "s3:DeleteObject":
        return "ObjectRemoved:Delete"
    if target.action != "s3:PutObject" or request.asks("uploads") or request.asks("partNumber"):
        return ""
    if request.method == "POST":
        return "ObjectCreated:CompleteMultipartUpload"
    return "ObjectCreated:Copy" if "x-amz-copy-source" in request.headers else "ObjectCreated:Put"
