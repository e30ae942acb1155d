"""The e-mail, the comparison and the wait, without a network."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_string
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.activation import RULES, Activation, compare, email, recorded, wait_for_storage, write_prefix
from v7s3.darwin import Storage
from v7s3.errors import CredentialsError, ServiceError, UsageError
from v7s3.transport import Clock

ASKED = Activation("acme-scans", "acme", "eu-west-1", "darwin", "read-write")
RIGHT = Storage(
    name="acme-s3", readonly=False, prefix="/darwin/", provider="aws", bucket="acme-scans", region="eu-west-1"
)


class TurnedClock(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def statuses(asked: Activation, *storages: Storage) -> dict[str, str]:
    return {check.ident: check.status for check in compare(asked, storages).checks}


def found(asked: Activation, *storages: Storage) -> list[tuple[str, str]]:
    return [(finding.rule.ident, finding.message) for finding in compare(asked, storages).findings]


# --- the e-mail -----------------------------------------------------------------------------------------------------
def test_the_email_has_everything_the_guide_asks_for():
    assert email(ASKED).text == (
        "To: support@v7labs.com\n"
        "Subject: External S3 storage for team acme: acme-scans\n"
        "\n"
        "Hello,\n"
        "\n"
        "please turn on external storage on AWS S3 for our team:\n"
        "\n"
        "  S3 region:                 eu-west-1\n"
        "  S3 bucket name:            acme-scans\n"
        "  Prefix for V7's own files: darwin/\n"
        "  Access:                    read and write\n"
        "  Team:                      acme\n"
        "\n"
        "Please tell us the name of the storage when it is ready.\n"
        "\n"
        "Thank you"
    )


def test_what_was_not_asked_for_has_no_line():
    body = email(Activation("acme-scans", "acme", "eu-west-1", "", "read-only")).body
    assert "Prefix" not in body
    assert "Access:         read-only" in body


def test_the_text_is_a_message_that_a_mail_program_takes():
    message = message_from_string(email(ASKED).text)
    assert (message["To"], message["Subject"]) == ("support@v7labs.com", email(ASKED).subject)
    assert message.get_payload() == email(ASKED).body


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_mailto_link_carries_the_same_words(team, storage):
    message = email(replace(ASKED, team=team, storage=storage))
    link = urlsplit(message.mailto)
    assert (link.scheme, link.path) == ("mailto", "support@v7labs.com")
    fields = parse_qs(link.query, strict_parsing=True, encoding="utf-8", errors="surrogatepass")
    assert fields == {"subject": [message.subject], "body": [message.body.replace("\n", "\r\n")]}
    assert link.query.isascii()
    assert " " not in link.query


@pytest.mark.parametrize("given_, taken", [("/darwin/", "darwin"), ("a/b", "a/b"), (" darwin/ ", "darwin"), ("/", "")])
def test_prefixes_lose_the_slashes_at_their_ends(given_, taken):
    assert write_prefix(given_) == taken


@pytest.mark.parametrize("prefix", ["a b", "*", "da?win", "a//b", "${aws:username}"])
def test_prefixes_that_would_mean_something_else_are_refused(prefix):
    with pytest.raises(UsageError, match="mean something else"):
        write_prefix(prefix)


# --- the comparison -------------------------------------------------------------------------------------------------
def test_a_storage_that_is_as_asked_for_passes_and_the_next_step_is_to_register():
    report = compare(ASKED, [RIGHT])
    assert report.exit_code() == 0
    assert statuses(ASKED, RIGHT) == dict.fromkeys(("storage", "bucket", "region", "access", "prefix"), "ok")
    assert report.next_steps == ("v7s3 register s3://acme-scans --team acme --storage acme-s3 --dataset …",)


@pytest.mark.parametrize(
    "change, finding",
    [
        ({"region": "us-east-1"}, ("ACT003", "V7 has 'us-east-1', the bucket is in 'eu-west-1'")),
        ({"prefix": "data"}, ("ACT004", "V7 writes to data/, asked for was darwin/")),
        ({"prefix": ""}, ("ACT004", "V7 writes to the whole bucket, asked for was darwin/")),
        ({"readonly": True}, ("ACT005", "V7 has read-only, asked for was read-write")),
        ({"provider": "gcp"}, ("ACT006", "acme-s3 is on 'gcp'")),
    ],
)
def test_each_difference_is_named(change, finding):
    assert found(ASKED, RIGHT.model_copy(update=change)) == [finding]


def test_all_differences_are_named_at_once():
    wrong = RIGHT.model_copy(update={"region": "us-east-1", "prefix": "x", "provider": "azure"})
    assert [ident for ident, _ in found(ASKED, wrong)] == ["ACT006", "ACT003", "ACT004"]


def test_a_storage_chosen_by_name_may_be_of_another_bucket():
    other = RIGHT.model_copy(update={"bucket": "acme-video"})
    asked = replace(ASKED, storage="acme-s3")
    assert found(asked, other) == [("ACT002", "V7 has 'acme-video', asked for was 'acme-scans'")]


def test_without_a_storage_of_the_bucket_the_others_are_listed():
    other = RIGHT.model_copy(update={"bucket": "acme-video"})
    assert found(ASKED, other) == [("ACT001", "team acme has no storage of this bucket; it has: acme-s3 (acme-video)")]
    assert found(ASKED) == [("ACT001", "team acme has no storage of this bucket; it has: none")]


def test_what_was_not_asked_for_or_v7_does_not_say_is_not_called_ok():
    silent = Storage(name="acme-s3", readonly=False)
    asked = Activation("acme-scans", "acme", storage="acme-s3")
    assert statuses(asked, silent) == {
        "storage": "ok",
        "bucket": "skip",
        "region": "skip",
        "access": "skip",
        "prefix": "skip",
    }


def test_a_storage_of_which_v7_does_not_say_the_bucket_may_be_the_buckets():
    silent = RIGHT.model_copy(update={"bucket": ""})
    other = RIGHT.model_copy(update={"name": "acme-video", "bucket": "acme-video"})
    report = compare(ASKED, [other, silent])
    assert [(check.ident, check.status) for check in report.checks] == [("storage", "skip")]
    assert report.checks[0].summary == (
        "V7 does not say the bucket of acme-s3, and has no other storage of this bucket; name it with --storage"
    )
    assert report.next_steps == ("v7s3 activation status s3://acme-scans --team acme --storage acme-s3",)
    assert found(replace(ASKED, storage="acme-s4"), silent)[0][0] == "ACT001"
    assert found(ASKED, silent.model_copy(update={"provider": "gcp"}))[0][0] == "ACT001"
    assert statuses(ASKED, silent, RIGHT)["bucket"] == "ok"


def test_a_read_only_storage_has_no_prefix_to_compare():
    asked = replace(ASKED, access="read-only")
    assert statuses(asked, RIGHT.model_copy(update={"readonly": True, "prefix": ""}))["prefix"] == "skip"


def test_of_several_storages_of_the_bucket_the_nearest_is_meant():
    far = RIGHT.model_copy(update={"name": "acme-ro", "readonly": True})
    assert recorded(ASKED, [far, RIGHT]) == RIGHT
    assert recorded(replace(ASKED, access="read-only"), [RIGHT, far]) == far


def test_every_rule_says_what_to_do():
    assert len({rule.ident for rule in RULES}) == len(RULES)
    assert all(rule.why and rule.fix and rule.verify and rule.source for rule in RULES)


# --- the wait -------------------------------------------------------------------------------------------------------
def test_the_wait_ends_when_the_storage_is_there():
    clock, answers, said = TurnedClock(), iter([[], [], [RIGHT]]), []
    assert wait_for_storage(ASKED, lambda: next(answers), clock, 86400, said.append) == [RIGHT]
    assert clock.waits == [30.0, 45.0]
    assert said == [
        "0 s waited, not there yet; next look in 30 s",
        "30 s waited, not there yet; next look in 45 s",
    ]


def test_the_wait_looks_less_and_less_often_and_says_so_every_minute():
    clock, said = TurnedClock(), []
    looks = []
    wait_for_storage(ASKED, lambda: looks.append(clock.time) or [], clock, 7200, said.append)
    pauses = [two - one for one, two in pairwise(looks)]
    assert pauses[:3] == [30, 45, 67.5]
    assert pauses == sorted(pauses[:-1]) + pauses[-1:]
    assert max(pauses) == 600
    assert max(clock.waits) <= 60
    assert clock.time == 7200
    assert len(said) == len(clock.waits)


def test_the_wait_for_a_storage_by_name_ends_also_when_v7_does_not_say_its_bucket():
    clock = TurnedClock()
    silent = RIGHT.model_copy(update={"bucket": ""})
    asked = replace(ASKED, storage="acme-s3")
    assert wait_for_storage(asked, lambda: [silent], clock, 600, lambda _line: None) == [silent]
    assert clock.time == 0


def test_a_v7_that_cannot_be_reached_does_not_end_the_wait():
    def look() -> list[Storage]:
        if not clock.waits:
            raise ServiceError("V7 cannot be reached")
        return [RIGHT]

    clock, said = TurnedClock(), []
    assert wait_for_storage(ASKED, look, clock, 600, said.append) == [RIGHT]
    assert said == ["0 s waited, not there yet (V7 cannot be reached); next look in 30 s"]


def test_a_key_that_is_no_longer_valid_ends_the_wait():
    def look() -> list[Storage]:
        raise CredentialsError("revoked")

    with pytest.raises(CredentialsError):
        wait_for_storage(ASKED, look, TurnedClock(), 600, lambda _line: None)
