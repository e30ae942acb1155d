"""`v7s3 ledger`: what is remembered is carried elsewhere, and the ledgers of several machines become one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KEYS = [f"k/{n:03d}.jpg" for n in range(60)]
POISONED = "005.jpg"


@pytest.fixture
def ledger(v7s3, environment):
    def run(*arguments: object):
        return v7s3("ledger", *arguments)

    return run


@pytest.fixture
def shards(register, fill, darwin, tmp_path):
    """Three machines have registered a part each, and one key was refused; returns their ledgers."""
    fill(*KEYS)
    darwin.registry.poison = lambda item: item["name"] == POISONED
    paths = [tmp_path / f"part-{number}.sqlite" for number in (1, 2, 3)]
    for number, path in enumerate(paths, start=1):
        register("s3://acme-frames", "--shard", f"{number}/3", "--ledger", path)
    darwin.registry.poison = None
    return paths


def rows(text):
    return [line for line in map(json.loads, text.splitlines()) if "key" in line]


# --- merge ----------------------------------------------------------------------------------------------------------
def test_the_ledgers_of_all_parts_become_one_that_has_each_key_once(register, ledger, shards, darwin, tmp_path):
    before = [path.read_bytes() for path in shards]
    into = tmp_path / "all.sqlite"
    code, out, _ = ledger("merge", *shards, "--into", into)
    assert (code, out) == (0, f"merged 3 ledgers of 60 keys into {into}: 60 new or better known, 60 in all\n")
    merged = rows(ledger("export", "--ledger", into)[1])
    parts = [row for path in shards for row in rows(ledger("export", "--ledger", path)[1])]
    assert merged == sorted(parts, key=lambda row: row["key"])
    assert [row["key"] for row in merged] == KEYS
    assert [path.read_bytes() for path in shards] == before
    sent = darwin.count("register")
    assert register("s3://acme-frames", "--ledger", into)[0] == 5  # the refused key is still told
    assert darwin.count("register") == sent


def test_without_names_the_parts_in_the_state_directory_are_merged(register, ledger, v7s3, fill, darwin):
    fill(*KEYS)
    for number in (1, 2, 3):
        register("s3://acme-frames", "--shard", f"{number}/3")
    for command in (["status"], ["ledger", "show"], ["drift", "s3://acme-frames"]):
        code, _, err = v7s3(*command)
        assert code == 2, err
        assert "of acme/road-signs there are only the ledgers of 3 parts (--shard)" in err
        assert "`v7s3 ledger merge` makes one of them" in err
    code, out, _ = ledger("merge", "--dry-run", "--format", "json")
    document = json.loads(out)
    assert (code, document["dry_run"], sum(one["keys"] for one in document["ledgers"])) == (0, True, 60)
    code, out, _ = ledger("merge", "--format", "json")
    document = json.loads(out)
    assert (code, document["version"], document["merged"], document["keys"]) == (0, 1, 60, 60)
    assert v7s3("status")[1].startswith("acme/road-signs: 60 items of this ledger\n")
    assert v7s3("drift", "s3://acme-frames")[0] == 0
    assert json.loads(ledger("merge", "--format", "json")[1])["merged"] == 0  # twice is once


def test_where_two_ledgers_know_a_key_the_state_nearer_to_v7_counts(register, ledger, shards, darwin, tmp_path):
    late = tmp_path / "late.sqlite"
    register("s3://acme-frames", "--include", f"*{POISONED}", "--ledger", late)
    for order in ([*shards, late], [late, *shards]):
        into = tmp_path / f"{order.index(late)}.sqlite"
        assert ledger("merge", *order, "--into", into)[0] == 0
        states = {row["key"]: row["state"] for row in rows(ledger("export", "--ledger", into)[1])}
        assert states == dict.fromkeys(KEYS, "registered")


def test_a_glob_may_name_the_result_too(ledger, shards, tmp_path):
    into = tmp_path / "part-all.sqlite"
    ledger("merge", *shards, "--into", into)
    code, out, _ = ledger("merge", *tmp_path.glob("part-*.sqlite"), "--into", into)
    assert (code, "merged 3 ledgers of 60 keys" in out, "0 new or better known, 60 in all" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("part", "code", "words"),
    [
        ("absent.sqlite", 2, "there is no ledger at"),
        ("text.sqlite", 2, "is not a ledger of v7s3"),
        ("other.sqlite", 6, "belongs to dataset 'elsewhere', not 'road-signs'"),
    ],
)
def test_nothing_is_made_of_a_ledger_that_is_none_or_another_datasets(ledger, shards, tmp_path, part, code, words):
    (tmp_path / "text.sqlite").write_text("not a database, but long enough to be taken for one" * 20)
    ledger("import", _export_of(tmp_path, "elsewhere"), "--dataset", "elsewhere", "--ledger", tmp_path / "other.sqlite")
    into = tmp_path / "all.sqlite"
    got, out, err = ledger("merge", *shards, tmp_path / part, "--into", into)
    assert (got, out, into.exists()) == (code, "", False)
    assert words in err


def _export_of(tmp_path, dataset):
    path = tmp_path / "export.jsonl"
    header = {"v7s3_ledger": 1, "darwin_url": os.environ["DARWIN_BASE_URL"], "team": "acme", "dataset": dataset}
    path.write_text(json.dumps(header) + "\n")
    return path


def test_without_any_ledger_to_merge_the_command_says_so(ledger):
    code, out, err = ledger("merge")
    assert (code, out) == (2, "")
    assert "there are no ledgers of parts (--shard) of acme/road-signs in " in err


# --- import ---------------------------------------------------------------------------------------------------------
def test_an_export_may_be_imported_through_a_pipe(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames")
    text = ledger("export")[1]
    command = [sys.executable, "-m", "v7s3", "ledger", "import", "-", "--ledger", str(tmp_path / "new.sqlite")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "imported -: 2 keys, 2 of them new or better known\n")
    assert ledger("export", "--ledger", tmp_path / "new.sqlite")[1] == text


@pytest.mark.parametrize(("text", "words"), [("", "is empty, nothing was imported"), ("\n", "line 1: is no JSON")])
def test_a_file_that_holds_nothing_is_no_export(ledger, tmp_path, text, words):
    (tmp_path / "l.jsonl").write_text(text)
    code, out, err = ledger("import", tmp_path / "l.jsonl")
    assert (code, out) == (2, "")
    assert words in err


def test_an_empty_list_of_keys_to_forget_is_told(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg")
    register("s3://acme-frames")
    (tmp_path / "keys.txt").write_text("")
    code, out, err = ledger("forget", "--keys-from", tmp_path / "keys.txt")
    assert (code, out) == (2, "")
    assert "names no keys: nothing was forgotten" in err


# --- the others, for scripts ----------------------------------------------------------------------------------------
def test_every_command_that_says_something_says_it_in_json_too(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames")
    ledger("export", "-o", tmp_path / "l.jsonl")
    (tmp_path / "keys.txt").write_text("a.jpg\n")

    def document(*arguments):
        code, out, err = ledger(*arguments, "--format", "json")
        assert (code, err) == (0, "")
        return json.loads(out)

    lost = ["--ledger", tmp_path / "new.sqlite"]
    imported = {"version": 1, "file": str(tmp_path / "l.jsonl"), "keys": 2}
    assert document("import", tmp_path / "l.jsonl", *lost, "--dry-run") == {**imported, "dry_run": True}
    assert document("import", tmp_path / "l.jsonl", *lost) == {**imported, "dry_run": False, "merged": 2}
    assert document("forget", "--keys-from", tmp_path / "keys.txt") == {"version": 1, "named": 1, "forgotten": 1}
    rebuilt = {"version": 1, "keys": 1, "items": 1, "other_slots": 0}
    assert document("rebuild", "s3://acme-frames", "--dry-run") == {**rebuilt, "dry_run": True}
    assert document("rebuild", "s3://acme-frames") == {**rebuilt, "dry_run": False}
    assert document("show")["states"]["exists"] == 1
