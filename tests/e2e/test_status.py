"""`v7s3 status` and `register --wait`: what V7 made of the items, and why it could not."""

from __future__ import annotations

import json

import pytest

from v7s3.sandbox import SandboxDarwin, itemlist

READABLE = ("s3:GetObject", "s3:PutObject")


@pytest.fixture
def darwin(s3, bucket):
    """A Darwin that fetches the objects as V7's role, so that the bucket's policy decides."""
    with SandboxDarwin(s3=s3, bucket=bucket) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def status(v7s3, environment):
    def run(*arguments: object):
        return v7s3("status", *arguments)

    return run


def test_what_v7_could_read_is_complete(register, status, fill, s3, bucket, darwin):
    s3.grant_v7(bucket, *READABLE)
    fill("raw/a.jpg", "raw/b.jpg")
    register("s3://acme-frames/raw")
    darwin.settle()
    code, out, _ = status()
    assert code == 0
    assert out == ("acme/road-signs: 2 items of this ledger\n2 complete · 0 processing · 0 failed · 0 gone from V7\n")


def test_failures_are_told_in_v7s_words_with_a_hint_and_the_checks_that_find_why(register, status, fill, darwin):
    fill("raw/a.jpg", "raw/b.jpg")  # nobody let V7 in
    register("s3://acme-frames/raw")
    darwin.settle()
    code, out, _ = status()
    assert code == 5
    assert out == (
        "acme/road-signs: 2 items of this ledger\n"
        "0 complete · 0 processing · 2 failed · 0 gone from V7\n"
        "  2 failed: download failed: access denied (stage download, HTTP 403)   (raw/a.jpg, raw/b.jpg)\n"
        "    next: V7's role may not read the object, or it does not exist: mend the policy, the key or the ownership, "
        "then delete the item in V7, `v7s3 ledger forget` its key, and register it again\n"
        "    why:  v7s3 doctor s3://acme-frames/raw/a.jpg --team acme --storage acme-frames "
        "--only policy,public-access,ownership,encryption,requester-pays,objects,tags\n"
    )


def test_json_and_the_report_have_every_field_of_v7s_error(register, status, fill, s3, bucket, darwin, tmp_path):
    s3.grant_v7(bucket, "s3:GetObject")
    fill("raw/a.jpg")
    register("s3://acme-frames/raw")
    darwin.settle()
    code, out, _ = status("--format", "json", "--report", tmp_path / "s.jsonl")
    document = json.loads(out)
    assert (code, document["version"]) == (5, 1)
    assert document["fates"] == {"complete": 0, "processing": 0, "failed": 1, "gone": 0}
    (failure,) = document["failures"]
    assert (failure["message"], failure["stage"], failure["http_status_code"], failure["processing_error_type"]) == (
        "upload failed: access denied",
        "upload",
        403,
        "FILE_UPLOAD_FAILED",
    )
    assert failure["probes"] == ["policy", "uploads", "encryption"]
    (line,) = [json.loads(text) for text in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert (line["fate"], line["storage_keys"], line["name"]) == ("failed", ["raw/a.jpg"], "a.jpg")
    assert line["errors"][0]["storage_key"].startswith("darwin/raw/a.jpg/uploads/")


def test_only_items_of_this_ledger_count_and_deleted_ones_are_gone(register, status, fill, s3, bucket, darwin):
    s3.grant_v7(bucket, *READABLE)
    fill("raw/a.jpg", "raw/b.jpg", "other/c.jpg")
    register("s3://acme-frames/raw")
    register("s3://acme-frames/other", "--no-ledger")
    darwin.settle()
    deleted = next(item for item in darwin.items if item.name == "b.jpg")
    darwin.registry.forget([deleted])
    code, out, _ = status()
    assert code == 0
    assert "acme/road-signs: 2 items of this ledger; others in the dataset: 1" in out
    assert "1 complete · 0 processing · 0 failed · 1 gone from V7" in out


def test_an_item_that_v7_lists_twice_does_not_stand_for_one_that_is_gone(
    register, status, fill, s3, bucket, darwin, monkeypatch
):
    s3.grant_v7(bucket, *READABLE)
    fill("raw/a.jpg", "raw/b.jpg", "other/c.jpg")
    register("s3://acme-frames/raw")
    register("s3://acme-frames/other", "--no-ledger")
    darwin.settle()
    darwin.registry.forget([item for item in darwin.items if item.name == "b.jpg"])
    once = itemlist.list_items

    def twice(items, request):
        page = once(items, request)
        return page | {"items": page["items"] * 2}

    monkeypatch.setattr(itemlist, "list_items", twice)
    code, out, _ = status()
    assert code == 0
    assert "acme/road-signs: 2 items of this ledger; others in the dataset: 1" in out
    assert "1 complete · 0 processing · 0 failed · 1 gone from V7" in out


def test_since_counts_one_runs_items_only(register, status, fill, s3, bucket, darwin):
    s3.grant_v7(bucket, *READABLE)
    fill("raw/a.jpg")
    register("s3://acme-frames/raw")
    fill("raw/b.jpg", "raw/c.jpg")
    register("s3://acme-frames/raw")
    darwin.settle()
    assert "2 items of this ledger since its run 2; others in the dataset: 1" in status("--since", "last")[1]
    assert "3 items of this ledger" in status("--since", "1")[1]
    for number in ("7", "9" * 5000):
        code, _, err = status("--since", number)
        assert code == 2
        assert "the runs of this ledger are 1 to 2" in err


def test_wait_ends_when_everything_is_through(register, status, fill, s3, bucket, darwin):
    s3.grant_v7(bucket, *READABLE)
    fill("raw/a.jpg")
    darwin.hold()
    register("s3://acme-frames/raw")
    assert "0 complete · 1 processing" in status()[1]
    code, out, err = status("--wait", "--timeout", "1s")
    assert (code, "1 processing" in out) == (7, True)
    assert "1 item still in processing after 1 s" in err
    assert "0 s waited, 1 in processing" in err
    darwin.release()
    code, out, _ = status("--wait")
    assert (code, "1 complete · 0 processing" in out) == (0, True)


def test_register_wait_ends_with_the_status_of_its_own_items(register, fill, s3, bucket, darwin):
    fill("raw/a.jpg")
    assert register("s3://acme-frames/raw", "--wait")[0] == 5  # not readable
    s3.grant_v7(bucket, *READABLE)
    fill("raw/b.jpg")
    code, out, _ = register("s3://acme-frames/raw", "--wait")
    assert code == 0
    assert "1 registered" in out
    assert "acme/road-signs: 1 item of this ledger since its run 2; " in out
    fill("raw/c.jpg")
    code, out, _ = register("s3://acme-frames/raw", "--wait", "--format", "json")
    document = json.loads(out)
    assert (code, document["outcomes"]["registered"], document["status"]["fates"]["complete"]) == (0, 1, 1)


def test_v7s_raw_error_is_indented_whole(register, status, fill, darwin):
    fill("raw/a.jpg")
    register("s3://acme-frames/raw")
    darwin.settle()
    (item,) = darwin.items
    raw = "<Error>\n  <Code>AccessDenied</Code>\n</Error>"
    item.slots[0].error = {**item.slots[0].error, "raw_error": raw}
    _, out, _ = status("-v")
    assert "    raw:  <Error>\n            <Code>AccessDenied</Code>\n          </Error>\n    next: " in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "there is no ledger"),
        (["--dataset", "road-sings"], 4, "next: did you mean --dataset road-signs? its datasets: road-signs"),
        (["--team", "globex"], 4, "this API key has no team 'globex'\n  next: the key is of team 'acme': --team acme"),
        (["--dataset", ""], 2, "which dataset?"),
        (["--wait", "--timeout", "soon"], 2, "--timeout 'soon' is not a time"),
    ],
)
def test_bad_input_is_one_clear_message(status, darwin, arguments, code, words):
    got, out, err = status(*arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert "next:" in err
