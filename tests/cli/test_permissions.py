"""`v7s3 doctor --permissions` knows every command."""

from __future__ import annotations

import json

import pytest

from commands import every_command


def actions(out: str) -> set[str]:
    return {action for statement in json.loads(out)["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_has_its_permissions_or_needs_none(command, v7s3):
    name = " ".join(command)
    asks_aws = "--profile" in v7s3(*command, "--help")[1] and name != "whoami"
    code, out, err = v7s3("doctor", "s3://acme-scans/raw", "--permissions", "--command", name)
    if asks_aws:
        assert (code, bool(actions(out))) == (0, True)
    else:
        said = f"error: `v7s3 {name}` asks AWS for nothing that has to be allowed\n  next: it needs no IAM policy\n"
        assert (code, out, err) == (2, "", said)


def test_comparing_needs_a_listing(v7s3):
    for name in ("drift", "ledger rebuild"):
        _, out, err = v7s3("doctor", "s3://acme-scans/raw", "--permissions", "--command", name)
        assert (actions(out), err) == ({"s3:ListBucket"}, "")


def test_registering_also_has_what_looking_at_lists_of_keys_needs_and_says_so(v7s3):
    _, out, err = v7s3("doctor", "s3://acme-scans/raw", "--permissions", "--command", "register")
    assert actions(out) == {"s3:ListBucket", "s3:GetObject"}
    assert err.startswith("s3:GetObject is for the key checks of --keys-from, --manifest and --check-keys")
    assert v7s3("doctor", "--permissions", "--command", "register", "-q")[2] == ""
