"""Our statements in somebody else's policy: nothing else changes by a byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.access.jsontext import read
from v7s3.access.policy_merge import merge_statements, same_meaning
from v7s3.access.profile import V7_ROLE, AccessProfile
from v7s3.errors import UsageError

GOOD = sorted((Path(__file__).parents[2] / "examples" / "policies" / "good").glob("*.json"))
BUCKET = "acme-scans"
OURS = AccessProfile().statements(BUCKET)
THEIRS = {
    "Sid": "Theirs",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::acme-scans/*",
}


def policy(*statements, **layout):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, **layout)


def statements_of(text):
    return json.loads(text)["Statement"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_other_statement_keeps_its_bytes(path):
    text = path.read_text()
    merged = merge_statements(text, OURS)
    document = read(text)
    listed = document.root.get("Statement")
    for node in listed.elements or (listed,):
        sid = node.get("Sid")
        assert (sid is not None and sid.value == "DarwinAccess") or document.source(node) in merged.text
    assert merged.text.startswith(text[: listed.start])
    assert merged.text.endswith(text[listed.end :])
    assert merge_statements(merged.text, OURS).text == merged.text


def test_a_new_statement_stands_last_in_the_layout_of_the_others():
    text = policy(THEIRS, indent=4)
    merged = merge_statements(text, OURS)
    assert merged.text == policy(THEIRS, *OURS, indent=4)
    assert merged.added == ("DarwinAccess",)
    assert merged.updated == ()


def test_several_statements_keep_their_order():
    ours = AccessProfile.of("read-write", "raw", "darwin", list_bucket=True).statements(BUCKET)
    merged = merge_statements(policy(THEIRS, indent=2), ours)
    assert [each["Sid"] for each in statements_of(merged.text)] == [
        "Theirs",
        "DarwinAccess",
        "DarwinWriteAccess",
        "DarwinListAccess",
    ]


def test_a_single_statement_becomes_a_list():
    text = json.dumps({"Version": "2012-10-17", "Statement": THEIRS})
    assert statements_of(merge_statements(text, OURS).text) == [THEIRS, *OURS]


def test_only_what_differs_is_updated():
    guarded = {**OURS[0], "Action": "s3:GetObject", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    text = policy(guarded, THEIRS, indent=1)
    merged = merge_statements(text, OURS)
    assert merged.updated == ("DarwinAccess",)
    assert statements_of(merged.text) == [{**guarded, "Action": ["s3:GetObject", "s3:PutObject"]}, THEIRS]


@pytest.mark.parametrize(
    "theirs",
    [
        {**OURS[0], "Action": ["s3:PutObject", "s3:GetObject"]},
        {**OURS[0], "Resource": ["arn:aws:s3:::acme-scans/*"]},
        {**OURS[0], "Principal": {"AWS": [V7_ROLE, "arn:aws:iam::111122223333:root"]}},
    ],
)
def test_what_means_the_same_is_left_alone(theirs):
    text = policy(theirs, indent=3)
    assert merge_statements(text, OURS).text == text


@pytest.mark.parametrize(
    "theirs",
    [
        {**OURS[0], "Effect": "Deny"},
        {**OURS[0], "Principal": {"AWS": "258327614892"}},
        {**OURS[0], "Principal": {"AWS": ["arn:aws:iam::258327614892:role/external-s3"]}},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:role/external_s3"}},
        {key: value for key, value in OURS[0].items() if key != "Principal"},
        {**{key: value for key, value in OURS[0].items() if key != "Action"}, "NotAction": "s3:DeleteObject"},
    ],
)
def test_a_statement_that_does_not_say_ours_is_replaced(theirs):
    assert statements_of(merge_statements(policy(THEIRS, theirs, indent=2), OURS).text) == [THEIRS, *OURS]


@pytest.mark.parametrize(
    "theirs",
    [
        {**OURS[0], "Principal": {"AWS": [V7_ROLE, "arn:aws:iam::111122223333:root"]}, "Action": "s3:GetObject"},
        {**OURS[0], "Principal": {"AWS": V7_ROLE, "Service": "logging.s3.amazonaws.com"}, "Action": "s3:GetObject"},
        {**OURS[0], "Principal": {"AWS": [V7_ROLE, "111122223333"]}, "Resource": "arn:aws:s3:::acme-scans/raw/*"},
        {**OURS[0], "Principal": "*", "Effect": "Deny", "Action": "s3:DeleteObject"},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Effect": "Deny"},
        {**OURS[0], "Principal": {"AWS": V7_ROLE, "Service": "logging.s3.amazonaws.com"}, "Effect": "Deny"},
        {**OURS[0], "Principal": {"AWS": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"]}},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:role/a"}},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:role/v7-258327614892-import"}},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {**OURS[0], "Principal": {"AWS": "arn:aws:iam::111122223333:root", "Service": "logging.s3.amazonaws.com"}},
        {**OURS[0], "Principal": {"Service": "logging.s3.amazonaws.com"}},
        {**OURS[0], "Principal": {"Federated": "arn:aws:iam::258327614892:saml-provider/external_s3"}},
        {**OURS[0], "Principal": {"CanonicalUser": "a" * 64}},
        {**OURS[0], "Principal": "*"},
        {**OURS[0], "Principal": {"AWS": "*"}},
    ],
)
def test_what_others_may_do_never_changes_although_the_sid_is_ours(theirs):
    merged = merge_statements(policy(theirs, indent=2), OURS)
    assert statements_of(merged.text) == [theirs, {**OURS[0], "Sid": "DarwinAccess2"}]
    assert merged.added == ("DarwinAccess2",)
    assert merge_statements(merged.text, OURS).text == merged.text


@pytest.mark.parametrize("text", ["", "[]", '{"Version": "2012-10-17"}', policy(THEIRS)[:-1], '{"Statement": [{}]}'])
def test_a_document_with_faults_is_not_touched(text):
    with pytest.raises(UsageError, match=r"policy\.json cannot be merged as it is"):
        merge_statements(text, OURS, name="policy.json")


def test_order_and_one_element_lists_mean_nothing_to_s3():
    one = policy({**OURS[0], "Action": ["a", "b"], "Resource": ["r"]})
    two = policy({**OURS[0], "Action": ["b", "a"], "Resource": "r"}, indent=2)
    assert same_meaning(one, two)
    assert same_meaning(json.dumps({"Statement": THEIRS}), json.dumps({"Statement": [THEIRS]}))
    assert not same_meaning(one, policy(THEIRS))
    assert not same_meaning(one, None)
    assert same_meaning(None, None)
    assert not same_meaning("[" * 100_000, one)


@given(st.permutations([THEIRS, *OURS]), st.sampled_from([None, 1, 2, "\t"]))
def test_a_policy_that_has_our_statement_is_left_alone(statements, indent):
    text = policy(*statements, indent=indent)
    assert merge_statements(text, OURS).text == text
