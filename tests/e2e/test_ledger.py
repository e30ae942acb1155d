"""`v7s3 ledger`: what is remembered is carried elsewhere, and the ledgers of several machines become one."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from v7s3.items.ledger import Ledger, Target

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
        ("absent.sqlite", 2, "absent.sqlite: No such file or directory"),
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


def test_a_ledger_that_is_not_there_is_told_also_when_the_result_is(ledger, shards, tmp_path):
    into = tmp_path / "all.sqlite"
    assert ledger("merge", *shards, "--into", into)[0] == 0
    code, out, err = ledger("merge", "nope.sqlite", "--into", into, "--format", "json")
    error = json.loads(err)["error"]
    assert (code, out, error["code"], error["message"]) == (
        2,
        "",
        "usage",
        "cannot read nope.sqlite: No such file or directory",
    )


def test_a_file_of_somebody_else_is_refused_and_nothing_is_left_beside_it(register, fill, darwin, tmp_path):
    fill("a.jpg")
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff not a database" * 50)
    with closing(sqlite3.connect(folder / "app.sqlite")) as database:
        database.execute("CREATE TABLE users (name TEXT)")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in before:
        code, out, err = register("s3://acme-frames", "--ledger", folder / name)
        assert (code, out) == (2, "")
        assert f"{folder / name} is not a ledger of v7s3" in err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["link.sqlite", "folder/real.sqlite"])
def test_one_file_is_one_ledger_by_whatever_name_it_is_given(register, v7s3, fill, darwin, tmp_path, name):
    fill("a.jpg", "b.jpg")
    real = tmp_path / "real.sqlite"
    (tmp_path / "link.sqlite").symlink_to("real.sqlite")  # also before there is such a file
    (tmp_path / "folder").symlink_to(".")
    assert register("s3://acme-frames", "--limit", "1", "--ledger", tmp_path / name)[0] == 0
    with Ledger(real, Target(darwin.url, "acme", "road-signs")):  # another run
        for arguments in (["register", "s3://acme-frames"], ["ledger", "forget", "--keys-from", os.devnull]):
            code, out, err = v7s3(*arguments, "--ledger", tmp_path / name)
            assert (code, out) == (6, "")
            assert f"error: another run of v7s3 is using the ledger {tmp_path / name}\n" in err
    assert darwin.keys() == ["a.jpg"]
    assert register("s3://acme-frames", "--ledger", real)[0] == 0
    assert sorted(darwin.keys()) == ["a.jpg", "b.jpg"]
    assert not list(tmp_path.glob("link.sqlite.*"))


def test_a_ledger_called_memory_is_a_file_like_any_other(register, fill, darwin, folder):
    fill("a.jpg")
    assert register("s3://acme-frames", "--ledger", ":memory:")[0] == 0
    assert (folder / ":memory:").is_file()
    code, out, _ = register("s3://acme-frames", "--ledger", ":memory:")
    assert (code, "(settled by earlier runs: 1 registered)" in out) == (0, True)


def _export_of(tmp_path, dataset):
    path = tmp_path / "export.jsonl"
    header = {"v7s3_ledger": 1, "darwin_url": os.environ["DARWIN_BASE_URL"], "team": "acme", "dataset": dataset}
    path.write_text(json.dumps(header) + "\n")
    return path


def test_without_any_ledger_to_merge_the_command_says_so(ledger):
    code, out, err = ledger("merge")
    assert (code, out) == (2, "")
    assert "there are no ledgers of parts (--shard) of acme/road-signs in " in err


# --- export and import --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16"])
def test_an_export_is_utf_8_in_every_locale(register, ledger, fill, encoding, tmp_path):
    fill("é/ł😀.jpg")
    register("s3://acme-frames")
    assert ledger("export", "--output", tmp_path / "l.jsonl")[0] == 0
    command = [sys.executable, "-m", "v7s3", "ledger", "export"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=True)
    assert done.stdout == (tmp_path / "l.jsonl").read_bytes()
    assert "é/ł😀.jpg".encode() in done.stdout


def test_an_export_may_be_imported_through_a_pipe(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames")
    text = ledger("export")[1]
    command = [sys.executable, "-m", "v7s3", "ledger", "import", "-", "--ledger", str(tmp_path / "new.sqlite")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "imported standard input: 2 keys, 2 of them new or better known\n")
    assert ledger("export", "--ledger", tmp_path / "new.sqlite")[1] == text


def test_standard_input_has_one_name(ledger, darwin, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    code, _, err = ledger("import", "-")
    assert (code, err.startswith("error: standard input is empty, nothing was imported")) == (2, True)


@pytest.mark.parametrize(("text", "words"), [("", "is empty, nothing was imported"), ("\n", "line 1: is no JSON")])
def test_a_file_that_holds_nothing_is_no_export(ledger, tmp_path, text, words):
    (tmp_path / "l.jsonl").write_text(text)
    code, out, err = ledger("import", tmp_path / "l.jsonl")
    assert (code, out) == (2, "")
    assert words in err


RUN = {"started": "2026-05-01T10:00:00.000Z", "finished": None, "source": "s3://acme-frames"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[" * 200_000, "line 2: is nested too deeply"),
        ({"run": RUN | {"started": "0"}}, "line 2: started must be a time in UTC as 2026-05-01T10:00:00.000Z, not '0'"),
        ({"run": RUN | {"started": "0001-01-01T00:00:00.000Z"}}, "line 2: started must be a time in UTC"),
        ({"run": RUN | {"started": "2026-02-30T00:00:00.000Z"}}, "line 2: started is no time that there is"),
        ({"run": RUN | {"finished": "x"}}, "line 2: finished must be a time in UTC"),
    ],
)
def test_a_line_that_no_export_has_is_refused_with_its_number(ledger, tmp_path, line, words):
    path = _export_of(tmp_path, "road-signs")
    with path.open("a") as file:
        file.write(line if isinstance(line, str) else json.dumps(line))
    code, out, err = ledger("import", path, "--ledger", tmp_path / "l.sqlite")
    assert (code, out) == (2, ""), err
    assert words in err


def test_an_empty_list_of_keys_to_forget_is_told(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg")
    register("s3://acme-frames")
    (tmp_path / "keys.txt").write_text("")
    code, out, err = ledger("forget", "--keys-from", tmp_path / "keys.txt")
    assert (code, out) == (2, "")
    assert "names no keys: nothing was forgotten" in err


def test_forgetting_says_how_many_keys_and_which_it_does_not_know(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg", "b.jpg", "rig/1/x.jpg", "rig/1/y.jpg")
    register("s3://acme-frames/rig", "--slots-by", "folder")
    register("s3://acme-frames", "--exclude", "rig/*")
    keys = tmp_path / "keys.txt"
    keys.write_text("rig/1/x.jpg\n")
    again = "`v7s3 register` sends them again"
    assert ledger("forget", "--keys-from", keys) == (0, f"forgot 2 keys (1 was named): {again}\n", "")
    keys.write_text("A.jpg\n")
    unknown = (
        "error: the ledger does not know 1 key of storage 'acme-frames': A.jpg\n"
        "  next: keys are case-sensitive; `v7s3 ledger export` lists those it knows, as they are\n"
    )
    assert ledger("forget", "--keys-from", keys) == (4, "forgot 0 keys (1 was named)\n", unknown)
    keys.write_text("a.jpg\nA.jpg\n")
    assert ledger("forget", "--keys-from", keys) == (4, f"forgot 1 key (2 were named): {again}\n", unknown)
    assert [row["key"] for row in rows(ledger("export")[1])] == ["b.jpg"]


def test_nothing_is_forgotten_of_a_ledger_that_is_not_there_and_none_is_made(
    register, ledger, v7s3, fill, darwin, tmp_path
):
    fill(*KEYS)
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{KEYS[0]}\n")
    code, out, err = ledger("forget", "--keys-from", keys, "--ledger", tmp_path / "new" / "no.sqlite")
    assert (code, out) == (2, "")
    assert f"error: there is no ledger at {tmp_path}/new/no.sqlite\n  next: `v7s3 register` writes one\n" in err
    assert not (tmp_path / "new").exists()
    empty = tmp_path / "empty.sqlite"
    empty.write_bytes(b"")
    code, _, err = ledger("forget", "--keys-from", keys, "--ledger", empty)
    assert (code, "empty.sqlite is not a ledger of v7s3" in err, empty.read_bytes()) == (2, True, b"")
    for number in (1, 2):
        register("s3://acme-frames", "--shard", f"{number}/2")
    code, out, err = ledger("forget", "--keys-from", keys)
    assert (code, out) == (2, "")
    assert (
        "error: of acme/road-signs there are only the ledgers of 2 parts (--shard)\n  next: `v7s3 ledger merge` " in err
    )
    assert v7s3("status")[0] == 2  # as before: there is still no whole ledger, and none is made of nothing
    assert ledger("merge")[0] == 0
    assert ledger("forget", "--keys-from", keys)[1].startswith("forgot 1 key (1 was named)")


def test_what_cannot_be_a_key_is_told_with_its_line_and_the_others_are_forgotten(
    register, ledger, fill, darwin, tmp_path
):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames")
    keys = tmp_path / "keys.txt"
    keys.write_bytes(b"a.jpg\n\xff.jpg\n")
    code, out, err = ledger("forget", "--keys-from", keys)
    assert (code, out) == (4, "forgot 1 key (2 were named): `v7s3 register` sends them again\n")
    assert err.startswith(
        f"error: 1 line of {keys} cannot be a key\n  line 2: \\xff.jpg is not UTF-8, as every key is\n  next: "
    )
    keys.write_bytes(b"\xff.jpg\nA.jpg\n" + b"\xfe\xff\n" * 6)
    code, out, err = ledger("forget", "--keys-from", keys, "--format", "json")
    assert code == 4
    assert json.loads(out) == {"version": 1, "named": 8, "forgotten": 0, "unknown": 8}
    assert json.loads(err)["error"]["message"].splitlines() == [
        "the ledger does not know 1 key of storage 'acme-frames': A.jpg",
        f"7 lines of {keys} cannot be keys",
        "  line 1: \\xff.jpg is not UTF-8, as every key is",
        *(f"  line {number}: \\xfe\\xff is not UTF-8, as every key is" for number in (3, 4, 5, 6)),
        "  … and 2 more",
    ]
    assert [row["key"] for row in rows(ledger("export")[1])] == ["b.jpg"]


# --- which ledger ---------------------------------------------------------------------------------------------------
def test_the_ledger_that_register_wrote_is_found_however_the_address_is_spelled(
    register, ledger, fill, darwin, tmp_path
):
    fill("a.jpg", "b.jpg")
    spelled = ["--team", "acme", "--darwin-url", f"  {darwin.url.replace('http', 'HTTP')}/"]
    assert register("s3://acme-frames", *spelled)[0] == 0
    keys = tmp_path / "keys.txt"
    keys.write_text("a.jpg\n")
    export = tmp_path / "l.jsonl"
    for address in (spelled, ["--team", "acme"]):
        assert "2 keys, 2 items in V7" in ledger("show", *address)[1]
        assert ledger("export", *address, "-o", export)[0] == 0
        assert ledger("import", export, *address)[1].endswith("2 keys, 0 of them new or better known\n")
        assert ledger("forget", "--keys-from", keys, *address)[0] == 0
        register("s3://acme-frames", *spelled)
    code, out, err = ledger("show", "--team", "acme", "--darwin-url", "darwin.v7labs.com")
    assert (code, out, "must begin with https://" in err) == (2, "", True)


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
    assert document("forget", "--keys-from", tmp_path / "keys.txt") == {
        "version": 1,
        "named": 1,
        "forgotten": 1,
        "unknown": 0,
    }
    rebuilt = {"version": 1, "keys": 1, "items": 1, "other_slots": 0}
    assert document("rebuild", "s3://acme-frames", "--dry-run") == {**rebuilt, "dry_run": True}
    assert document("rebuild", "s3://acme-frames") == {**rebuilt, "dry_run": False}
    assert document("show")["states"]["exists"] == 1
