"""The edge to V7 against the sandbox's Darwin over real sockets: faults, slugs, keys, paging."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from v7s3.concurrency import map_bounded
from v7s3.darwin import Darwin, Limits
from v7s3.errors import CredentialsError, NotFoundError, RefusedError, ServiceError, StoppedError
from v7s3.items.payload import RegisterRequest
from v7s3.sandbox import SandboxDarwin

# Unpaced and quick to try again: what is tested here is not time.
QUICK = Limits(register_per_minute=float("inf"), other_per_minute=float("inf"), first_wait=0.001)


@pytest.fixture
def sandbox():
    with SandboxDarwin() as server:
        yield server
        assert server.errors == []


@pytest.fixture
def darwin(sandbox):
    with Darwin(sandbox.url, SecretStr(sandbox.api_key), limits=QUICK) as client:
        yield client


def request_of(*keys: str, dataset: str = "road-signs", storage: str = "acme-frames") -> RegisterRequest:
    items = [{"path": "/", "name": key.replace("/", "_"), "type": "image", "storage_key": key} for key in keys]
    return RegisterRequest.model_validate({"dataset_slug": dataset, "storage_slug": storage, "items": items})


def test_items_are_registered_once_and_a_second_time_blocked(sandbox, darwin):
    first = darwin.register("acme", request_of("a.jpg", "b.jpg"), "read-write")
    second = darwin.register("acme", request_of("b.jpg", "c.jpg"), "read-write")
    assert [item.name for item in first.items] == ["a.jpg", "b.jpg"]
    assert first.blocked_items == []
    assert [(item.name, item.reasons) for item in second.blocked_items] == [("b.jpg", ("ALREADY_EXISTS",))]
    assert sandbox.keys() == ["a.jpg", "b.jpg", "c.jpg"]


def test_the_lists_of_the_team(sandbox, darwin):
    assert [(one.name, one.readonly, one.bucket, one.prefix) for one in darwin.storages("acme")] == [
        ("acme-frames", False, "acme-frames", "darwin"),
        ("acme-ro", True, "acme-frames", ""),
    ]
    assert [one.slug for one in darwin.datasets()] == ["road-signs"]
    assert darwin.token_info().selected_team.slug == "acme"


def test_items_are_listed_page_by_page_filtered_and_deleted(sandbox, darwin):
    darwin.register("acme", request_of(*(f"{number}.jpg" for number in range(7))), "read-write")
    (dataset,) = darwin.datasets()
    listed = list(darwin.items("acme", dataset.id, page_size=3))
    assert sorted(item.name for item in listed) == [f"{number}.jpg" for number in range(7)]
    assert sandbox.count("items") == 3
    (found,) = darwin.items("acme", dataset.id, {"item_names": ["3.jpg"]})
    assert darwin.item("acme", found.id) == found
    darwin.delete_items("acme", dataset.id, [found.id])
    assert sandbox.keys() == ["0.jpg", "1.jpg", "2.jpg", "4.jpg", "5.jpg", "6.jpg"]


@pytest.mark.parametrize("fault", ["drop-before", "500", "502", "503", "504", "html", "429"])
def test_a_fault_before_the_work_is_survived(sandbox, darwin, fault):
    darwin.storages("acme")
    sandbox.faults.script[:] = [fault, fault]
    response = darwin.register("acme", request_of("a.jpg"), "read-write")
    assert [item.name for item in response.items] == ["a.jpg"]
    assert sandbox.keys() == ["a.jpg"]
    assert sandbox.count("register") == 3
    assert (darwin.traffic.refused, darwin.traffic.retried) == ((2, 0) if fault == "429" else (0, 2))


def test_an_answer_lost_after_the_work_ends_as_already_exists(sandbox, darwin):
    sandbox.faults.script[:] = ["drop-after"]
    response = darwin.register("acme", request_of("a.jpg"), "read-write")
    assert response.items == []
    assert [item.reasons for item in response.blocked_items] == [("ALREADY_EXISTS",)]
    assert sandbox.keys() == ["a.jpg"]


@pytest.mark.parametrize("says_when", ["seconds", "http-date"])
def test_retry_after_is_honoured(sandbox, darwin, says_when):
    sandbox.faults.retry_after = says_when
    sandbox.faults.script[:] = ["429"]
    assert darwin.register("acme", request_of("a.jpg"), "read-write").items
    assert sandbox.count("register", 429) == 1


def test_eight_threads_get_everything_in_once_through_refusals_drops_and_lost_answers(sandbox, darwin):
    sandbox.faults.script[:] = ["ok", "drop-after", "429", "ok", "drop-before", "500", "ok", "drop-after", "429"]
    sandbox.faults.latency_ms = 1
    keys = [f"{number:02}.jpg" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(map_bounded(pool, lambda key: darwin.register("acme", request_of(key), "read-write"), keys, 16))
    assert sandbox.keys() == keys
    answered = [item.name for answer in answers for item in (*answer.items, *answer.blocked_items)]
    assert sorted(answered) == keys
    assert 1 <= sum(len(answer.blocked_items) for answer in answers) <= 2


def test_faults_that_stay_are_given_up(sandbox, darwin):
    darwin.storages("acme")
    sandbox.faults.fail_after = 0
    with pytest.raises(
        ServiceError, match="could not register items in team 'acme': 500 INTERNAL: something went wrong"
    ):
        darwin.register("acme", request_of("a.jpg"), "read-write")
    assert sandbox.count("register", 500) == 10


def test_a_quota_stops_at_once(sandbox, darwin):
    sandbox.faults.script[:] = ["quota"]
    with pytest.raises(StoppedError, match="INSUFFICIENT_REMAINING_STORAGE: the team has no storage left"):
        darwin.register("acme", request_of("a.jpg"), "read-write")
    assert sandbox.count("register") == 1


def test_a_refusal_comes_with_the_sandboxs_words(sandbox, darwin):
    with pytest.raises(RefusedError) as caught:
        darwin.register("acme", request_of("a.jpg", storage="acme-ro"), "read-write")
    assert caught.value.words.startswith('{"code": "INVALID_REQUEST"')


def test_a_body_that_is_too_large_is_marked(sandbox, darwin):
    sandbox.max_body = 100
    with pytest.raises(RefusedError) as caught:
        darwin.register("acme", request_of("a.jpg"), "read-write")
    assert caught.value.too_large


def test_an_unknown_key_and_one_without_the_permission(sandbox):
    for key, code in (("wrong", "401 NOT_AUTHENTICATED"), (sandbox.read_only_key, "403 FORBIDDEN")):
        with (
            Darwin(sandbox.url, SecretStr(key), limits=QUICK) as darwin,
            pytest.raises(CredentialsError, match=code),
        ):
            darwin.register("acme", request_of("a.jpg"), "read-write")
    assert sandbox.count("register") == 2


@pytest.mark.parametrize(
    "slugs, message, hint",
    [
        (("acne", "road-signs", "acme-frames"), "this API key has no team 'acne'", "the key is of team 'acme'"),
        (("acme", "roads", "acme-frames"), "team 'acme' has no dataset 'roads'", "its datasets: road-signs"),
        (("acme", "road-signs", "frames"), "team 'acme' has no storage 'frames'", "its storages: acme-frames, acme-ro"),
    ],
)
def test_unknown_slugs_are_named(darwin, slugs, message, hint):
    team, dataset, storage = slugs
    with pytest.raises(NotFoundError) as caught:
        darwin.register(team, request_of("a.jpg", dataset=dataset, storage=storage), "read-write")
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Darwin(url, SecretStr("k"), limits=QUICK) as darwin, pytest.raises(ServiceError) as caught:
            darwin.storages("acme")
    assert caught.value.message.startswith(f"{url} cannot be reached (")
    assert "--darwin-url" in caught.value.hint
    assert darwin.traffic.retried == 2


def test_an_answer_that_does_not_come_in_time(sandbox):
    sandbox.faults.latency_ms = 300
    limits = Limits(timeout=0.05, attempts=2, first_wait=0.001)
    with (
        Darwin(sandbox.url, SecretStr(sandbox.api_key), limits=limits) as darwin,
        pytest.raises(ServiceError, match="did not answer in time"),
    ):
        darwin.storages("acme")


def test_one_connection_serves_many_requests(sandbox, darwin):
    """A new TLS connection for each request costs four times as much."""
    opened = []
    connect = socket.socket.connect

    def counted(self, address):
        opened.append(address)
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", counted)
        for _ in range(5):
            darwin.storages("acme")
    assert len(opened) == 1


@contextmanager
def tls_server(directory):
    """A TLS server on loopback with a certificate that nobody trusts; accepts and hangs up."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    accepted = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", accepted
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_certificate_that_is_not_trusted_is_refused_at_once(tmp_path):
    with (
        tls_server(tmp_path) as (url, accepted),
        Darwin(url, SecretStr("k"), limits=QUICK) as darwin,
        pytest.raises(ServiceError) as caught,
    ):
        darwin.storages("acme")
    assert caught.value.message.startswith(f"the TLS connection to {url} failed: ")
    assert "self-signed certificate" in caught.value.message
    assert "SSL_CERT_FILE" in caught.value.hint
    assert len(accepted) == 1
