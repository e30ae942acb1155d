"""`v7s3 drift` and `v7s3 ledger`: where bucket and dataset have come apart, and how what is remembered is carried on."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def drift(v7s3, environment):
    def run(*arguments: object):
        return v7s3("drift", *arguments)

    return run


@pytest.fixture
def ledger(v7s3, environment):
    def run(*arguments: object):
        return v7s3("ledger", *arguments)

    return run


def delete_item(darwin, name):
    (item,) = [item for item in darwin.items if item.name == name]
    darwin.registry.forget([item])


# --- drift ----------------------------------------------------------------------------------------------------------
def test_a_bucket_and_its_dataset_in_step_have_not_drifted(register, drift, fill, darwin):
    fill("raw/a.jpg", "raw/b.jpg", "raw/notes.txt")
    register("s3://acme-frames/raw")
    code, out, _ = drift("s3://acme-frames/raw")
    assert code == 0
    assert out == (
        "s3://acme-frames/raw ↔ acme/road-signs (storage acme-frames)\n"
        "  = 2 in both\n"
        "  1 object left out: 1 unsupported type\n"
        "no drift\n"
    )
    assert drift("s3://acme-frames/raw", "-q")[1].splitlines()[1:] == out.splitlines()[2:]


def test_each_way_of_drifting_has_its_character(register, drift, fill, s3, bucket, darwin, tmp_path):
    fill(*(f"raw/{name}.jpg" for name in ("same", "gone", "changed", "deleted", "blocked")))
    darwin.registry.poison = lambda item: item["name"] == "blocked.jpg"
    register("s3://acme-frames/raw")
    darwin.registry.poison = None
    fill("raw/new.jpg", "raw/others.jpg", "elsewhere/x.jpg")
    register("--keys-from", _list(tmp_path, "raw/others.jpg", "elsewhere/x.jpg"), "--no-ledger")
    s3.client().delete_object(Bucket=bucket, Key="raw/gone.jpg")
    s3.put(bucket, "raw/changed.jpg", b"other bytes")
    delete_item(darwin, "deleted.jpg")
    items = len(darwin.items)
    code, out, _ = drift("s3://acme-frames/raw", "--report", tmp_path / "drift.jsonl")
    assert code == 1
    report = [json.loads(line) for line in (tmp_path / "drift.jsonl").read_text().splitlines()]
    assert sorted((line["verdict"], line["storage_key"] or line["name"]) for line in report) == [
        ("*", "raw/changed.jpg"),
        ("+", "raw/blocked.jpg"),
        ("+", "raw/deleted.jpg"),
        ("+", "raw/new.jpg"),
        ("-", "raw/gone.jpg"),
        ("=", "raw/same.jpg"),
        ("?", "x.jpg"),
        ("o", "raw/others.jpg"),
    ]
    reasons = {line["storage_key"]: line["reason"] for line in report if "reason" in line}
    assert reasons["raw/new.jpg"] == "never registered"
    assert reasons["raw/deleted.jpg"] == "deleted in V7 since it was registered"
    assert reasons["raw/blocked.jpg"].startswith("refused: ")
    assert "  * 1 changed since it was registered   (raw/changed.jpg)\n" in out
    assert "  - 1 in V7, gone from the bucket   (raw/gone.jpg)\n" in out
    assert len(darwin.items) == items


@pytest.mark.parametrize("merged", [False, True])
def test_an_item_that_took_the_place_of_a_deleted_one_is_not_taken_for_it(
    register, drift, ledger, v7s3, fill, s3, bucket, darwin, tmp_path, merged
):
    fill("raw/a.jpg", "raw/b.jpg", "raw/c.jpg")
    known = ["--ledger", tmp_path / "l.sqlite"]
    register("s3://acme-frames/raw", *known)
    if merged:
        known = ["--ledger", tmp_path / "all.sqlite"]
        ledger("merge", tmp_path / "l.sqlite", "--into", known[1])
    for name in ("a.jpg", "c.jpg"):
        delete_item(darwin, name)
    register("--keys-from", _list(tmp_path, "raw/a.jpg", "raw/c.jpg"), "--no-ledger")  # somebody else, anew
    s3.client().delete_object(Bucket=bucket, Key="raw/c.jpg")
    code, out, _ = drift("s3://acme-frames/raw", *known, "--report", tmp_path / "drift.jsonl")
    assert code == 1
    assert out.splitlines()[1:] == [
        "  = 1 in both",
        "  o 1 registered by others   (raw/a.jpg)",
        "      1 the item that was registered here was deleted in V7, and another one has its place",
        (
            "      next: `v7s3 ledger rebuild` takes them into this ledger, when they are of these keys; where it has another "
            "item on record, only after `v7s3 ledger forget`"
        ),
        "  ? 1 in V7, of no key here",
        "drift was found",
    ]
    report = [json.loads(line) for line in (tmp_path / "drift.jsonl").read_text().splitlines()]
    assert [(line["verdict"], line["storage_key"], "reason" in line) for line in report] == [
        ("o", "raw/a.jpg", True),
        ("=", "raw/b.jpg", False),
        ("?", "", False),
    ]
    assert json.loads(drift("s3://acme-frames/raw", *known, "--format", "json")[1])["replaced"] == 1
    _, out, _ = v7s3("status", *known)
    assert "3 items of this ledger; others in the dataset: 2\n" in out
    assert "2 gone from V7\n" in out
    assert "even if another item has the place; `v7s3 drift` names them" in out
    # As the next step says:
    assert ledger("forget", "--keys-from", _list(tmp_path, "raw/a.jpg", "raw/c.jpg"), *known)[0] == 0
    assert ledger("rebuild", "s3://acme-frames/raw", *known)[1] == "took 1 keys of 1 items into the ledger\n"
    assert drift("s3://acme-frames/raw", *known)[0] == 0


def test_an_item_of_unknown_origin_at_a_key_s_place_is_taken_for_the_key_s(register, drift, v7s3, fill, darwin):
    """Where V7 only said that it exists, nothing tells whether it is the same one now."""
    fill("raw/a.jpg")
    register("s3://acme-frames/raw", "--no-ledger")
    register("s3://acme-frames/raw")
    delete_item(darwin, "a.jpg")
    register("s3://acme-frames/raw", "--no-ledger")
    assert drift("s3://acme-frames/raw")[0] == 0
    assert " 0 gone from V7\n" in v7s3("status")[1]


def _list(tmp_path, *keys):
    path = tmp_path / "keys.txt"
    path.write_text("\n".join(keys))
    return path


def test_a_source_that_holds_nothing_is_not_in_step(register, drift, ledger, fill, darwin):
    """A nightly job with a misspelt prefix must not stay green."""
    fill("raw/a.jpg", "raw/b.jpg")
    register("s3://acme-frames/raw")
    code, out, err = drift("s3://acme-frames/Raw", "-q")
    assert (code, "no drift" in out, out.splitlines()[-1]) == (
        1,
        False,
        "nothing was compared: the source holds nothing",
    )
    warning = "warning: s3://acme-frames/Raw holds nothing; prefixes and keys are case-sensitive\n"
    assert err == warning
    code, out, _ = drift("s3://acme-frames/Raw", "--format", "json")
    document = json.loads(out)
    assert (code, document["listed"], document["drift"]) == (1, 0, True)
    assert ledger("rebuild", "s3://acme-frames/Raw", "--dry-run")[2] == warning


def test_drift_in_json_is_one_document(register, drift, fill, darwin):
    fill("raw/a.jpg")
    register("s3://acme-frames/raw")
    fill("raw/b.jpg")
    code, out, _ = drift("s3://acme-frames/raw", "--format", "json")
    document = json.loads(out)
    assert (code, document["version"], document["drift"]) == (1, 1, True)
    assert {one["verdict"]: one["count"] for one in document["verdicts"] if one["count"]} == {"=": 1, "+": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "next_step"),
    [
        (
            ["--storage", "acme-frame"],
            4,
            (
                "did you mean --storage acme-frames? its storages: acme-frames, acme-ro; `v7s3 activation write` writes "
                "the e-mail that asks V7 for another"
            ),
        ),
        (["--dataset", "road-sings"], 4, "did you mean --dataset road-signs? its datasets: road-signs"),
        (["--team", "globex"], 4, "the key is of team 'acme': --team acme, or use another key"),
        (["--slots-by", "("], 2, r"write 'folder', or a pattern such as '(?P<item>.*/\d+)_(?P<slot>\w+)\.jpg'"),
    ],
)
def test_what_is_misspelt_is_told_with_what_to_write(drift, fill, darwin, arguments, code, next_step):
    fill("raw/a.jpg")
    got, out, err = drift("s3://acme-frames/raw", *arguments)
    assert (got, out, err.splitlines()[-1]) == (code, "", f"  next: {next_step}")


def test_groups_are_compared_key_by_key(register, drift, fill, s3, bucket, darwin):
    fill(*(f"rig/{n}/{side}.jpg" for n in range(3) for side in ("front", "rear")))
    register("s3://acme-frames/rig", "--slots-by", "folder")
    assert drift("s3://acme-frames/rig", "--slots-by", "folder")[0] == 0
    s3.client().delete_object(Bucket=bucket, Key="rig/1/rear.jpg")
    fill("rig/2/top.jpg")
    code, out, _ = drift("s3://acme-frames/rig", "--slots-by", "folder")
    assert code == 1
    assert "- 1 in V7, gone from the bucket   (rig/1/rear.jpg)" in out
    assert "its place is taken by rig/2/front.jpg" in out


def test_artifacts_below_a_prefix_of_one_s_own_are_left_out_as_register_leaves_them(register, drift, ledger, fill):
    fill("raw/a.jpg", "cache/raw/a.jpg/thumbnail.jpg")
    prefix = ["--artifacts-prefix", "cache"]
    assert register("s3://acme-frames", *prefix)[0] == 0
    code, out, _ = drift("s3://acme-frames", *prefix)
    assert (code, "  = 1 in both\n  1 object left out: 1 " in out) == (0, True)
    assert "+ 1 in the bucket, not in V7   (cache/raw/a.jpg/thumbnail.jpg)" in drift("s3://acme-frames")[1]
    code, _, err = drift("s3://acme-frames", "--artifacts-prefix", "a b")
    assert (code, err.startswith("error: --artifacts-prefix 'a b' is no folder for artifacts")) == (2, True)
    assert ledger("rebuild", "s3://acme-frames", *prefix, "--dry-run")[0] == 0


def test_thousands_of_keys_and_the_planning_that_was_used(register, drift, s3, bucket, darwin):
    s3.put_many(bucket, ((f"raw/{n % 9}/{n:04d}.jpg", 10) for n in range(3000)))
    planning = ["--strip-prefix", "raw/", "--path", "/2026"]
    register("s3://acme-frames/raw", *planning, "--rate", "0")
    code, out, err = drift("s3://acme-frames/raw", *planning, "--ledger", "nowhere.sqlite")
    assert (code, "  o 3,000 registered by others" in out) == (1, True)
    assert "warning: there is no ledger at nowhere.sqlite" in err
    assert drift("s3://acme-frames/raw")[0] == 0  # the ledger knows the places


# --- the ledger -----------------------------------------------------------------------------------------------------
def test_an_export_is_imported_and_exported_again_unchanged(register, ledger, fill, darwin, tmp_path):
    fill("raw/a b.jpg", "raw/é.jpg", "rig/1/x.jpg", "rig/1/y.jpg")
    darwin.registry.poison = lambda item: item["name"] == "é.jpg"
    register("s3://acme-frames/raw")
    register("s3://acme-frames/rig", "--slots-by", "folder")
    code, first, _ = ledger("export")
    assert code == 0
    assert len(first.splitlines()) == 1 + 2 + 4
    (tmp_path / "l.jsonl").write_text(first, encoding="utf-8")
    other = ["--ledger", tmp_path / "other.sqlite"]
    code, out, _ = ledger("import", tmp_path / "l.jsonl", *other)
    assert (code, out) == (0, f"imported {tmp_path}/l.jsonl: 4 keys, 4 of them new or better known\n")
    assert ledger("export", *other)[1] == first
    assert "0 of them new" in ledger("import", tmp_path / "l.jsonl", *other)[1]
    ledger("export", *other, "-o", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_text(encoding="utf-8") == first
    sent = darwin.count("register")
    assert register("s3://acme-frames/raw", *other)[0] == 5
    assert darwin.count("register") == sent


def test_nothing_is_imported_from_a_faulty_file(register, ledger, fill, darwin, tmp_path):
    fill("a.jpg")
    register("s3://acme-frames")
    lines = ledger("export")[1].splitlines()
    bad = [*lines, "{", '{"storage": "s", "key": "b", "etag": "", "state": "lost", "path": "/", "name": "b"}', "[]"]
    (tmp_path / "l.jsonl").write_text("\n".join(bad))
    code, out, err = ledger("import", tmp_path / "l.jsonl", "--ledger", tmp_path / "new.sqlite")
    assert (code, out) == (2, "")
    assert "3 faulty lines, nothing was imported" in err
    assert f"line {len(lines) + 1}: is no JSON" in err
    assert "state must be one of registered, exists, blocked, refused, failed, not 'lost'" in err
    code, _, err = ledger("import", tmp_path / "l.jsonl", "--dataset", "another")
    assert code == 6
    assert "belongs to dataset 'road-signs', not 'another'" in err


def test_show_tells_states_and_runs(register, ledger, fill, darwin):
    fill("a.jpg", "b.jpg")
    register("s3://acme-frames")
    code, out, _ = ledger("show")
    assert code == 0
    assert "2 keys, 2 items in V7" in out
    assert "2 registered · 0 exists · 0 blocked · 0 refused · 0 failed" in out
    assert "s3://acme-frames (storage acme-frames, prefix darwin)" in out
    document = json.loads(ledger("show", "--format", "json")[1])
    assert (document["version"], document["states"]["registered"], len(document["runs"])) == (1, 2, 1)


def test_a_lost_ledger_is_rebuilt_from_v7s_items_and_the_bucket(register, drift, ledger, fill, darwin, tmp_path):
    fill("raw/a.jpg", "raw/b.jpg", "raw/c.jpg")
    register("s3://acme-frames/raw", "--limit", "2", "--no-ledger")
    code, out, _ = ledger("rebuild", "s3://acme-frames/raw", "--dry-run")
    assert (code, "would take 2 keys of 2 items" in out) == (0, True)
    code, out, _ = ledger("rebuild", "s3://acme-frames/raw")
    assert (code, out) == (0, "took 2 keys of 2 items into the ledger\n")
    assert "+ 1 in the bucket, not in V7   (raw/c.jpg)" in drift("s3://acme-frames/raw")[1]
    sent = darwin.count("register")
    code, out, _ = register("s3://acme-frames/raw")
    assert (code, darwin.count("register"), "2 exists" in out) == (0, sent + 1, True)
    assert darwin.keys() == ["raw/a.jpg", "raw/b.jpg", "raw/c.jpg"]


def test_after_a_rebuild_nothing_is_sent_again_that_v7_has(register, drift, ledger, s3, bucket, darwin):
    """A lost cache of a CI job: thousands of keys under planning options, and groups, of which one has grown since."""
    single = [f"raw/{n % 9}/{n:04d}.jpg" for n in range(3000)]
    groups = [f"rig/{n}/{side}.jpg" for n in range(200) for side in ("front", "rear")]
    s3.put_many(bucket, ((key, 10) for key in [*single, *groups]))
    planning = ["s3://acme-frames/raw", "--strip-prefix", "raw/", "--path", "/2026"]
    grouped = ["s3://acme-frames/rig", "--slots-by", "folder"]
    for arguments in (planning, grouped):
        assert register(*arguments, "--no-ledger", "--rate", "0")[0] == 0
    s3.put(bucket, "raw/0/new.jpg", b"x")
    s3.put(bucket, "rig/7/top.jpg", b"x")
    assert ledger("rebuild", *planning)[1] == "took 3,000 keys of 3,000 items into the ledger\n"
    assert ledger("rebuild", *grouped)[1] == (
        "took 398 keys of 199 items into the ledger; 1 items of V7 have another number of slots than the keys at their "
        "place\n"
    )
    before = darwin.keys()
    sent = darwin.count("register")
    code, out, _ = register(*planning)
    assert (code, "1 registered · 0 exists" in out) == (0, True)
    assert "1 exists" in register(*grouped)[1]  # the one that has grown: V7 says no more than that
    assert darwin.count("register") == sent + 2
    assert darwin.keys() == sorted([*before, "raw/0/new.jpg"])
    code, out, _ = drift(*grouped)
    assert code == 1
    assert "* 3 changed since it was registered   (rig/7/front.jpg, rig/7/rear.jpg, rig/7/top.jpg)" in out


def test_forgotten_keys_are_registered_again(register, ledger, fill, darwin, tmp_path):
    fill("raw/a.jpg", "raw/b.jpg")
    register("s3://acme-frames/raw")
    delete_item(darwin, "a.jpg")
    assert register("s3://acme-frames/raw")[0] == 0
    assert darwin.keys() == ["raw/b.jpg"]
    code, out, _ = ledger("forget", "--keys-from", _list(tmp_path, "raw/a.jpg"))
    assert (code, out) == (0, "forgot 1 key (1 was named): `v7s3 register` sends them again\n")
    register("s3://acme-frames/raw")
    assert darwin.keys() == ["raw/a.jpg", "raw/b.jpg"]


# --- parts ----------------------------------------------------------------------------------------------------------
def test_each_part_has_its_own_drift_and_the_parts_together_have_the_whole(
    register, drift, fill, s3, bucket, darwin, tmp_path
):
    fill(*(f"raw/{n:02d}.jpg" for n in range(30)), "raw/notes.txt")
    for number in (1, 2, 3):
        register("s3://acme-frames/raw", "--shard", f"{number}/3")
        assert drift("s3://acme-frames/raw", "--shard", f"{number}/3")[0] == 0
    fill("raw/30.jpg", "raw/31.jpg", "raw/others.jpg")
    register("--keys-from", _list(tmp_path, "raw/others.jpg"), "--no-ledger")
    s3.client().delete_object(Bucket=bucket, Key="raw/07.jpg")
    s3.put(bucket, "raw/11.jpg", b"other bytes")
    delete_item(darwin, "20.jpg")

    def verdicts(*arguments):
        report = tmp_path / "drift.jsonl"
        code, out, _ = drift("s3://acme-frames/raw", *arguments, "--report", report)
        assert (code == 1) == ("drift was found" in out)
        return [(line["verdict"], line["storage_key"]) for line in map(json.loads, report.read_text().splitlines())]

    parts = [verdicts("--shard", f"{number}/3") for number in (1, 2, 3)]
    assert all(parts)
    found = sorted(one for part in parts for one in part)
    assert [one for one in found if one[0] != "="] == [
        ("*", "raw/11.jpg"),
        ("+", "raw/20.jpg"),
        ("+", "raw/30.jpg"),
        ("+", "raw/31.jpg"),
        ("-", "raw/07.jpg"),
        ("o", "raw/others.jpg"),
    ]
    assert len(found) == 33


def test_a_part_whose_ledger_is_lost_is_rebuilt(register, drift, ledger, fill, darwin):
    fill(*(f"raw/{n:02d}.jpg" for n in range(30)))
    for number in (1, 2):
        register("s3://acme-frames/raw", "--shard", f"{number}/2", "--no-ledger")
    taken = [ledger("rebuild", "s3://acme-frames/raw", "--shard", f"{number}/2") for number in (1, 2)]
    assert [code for code, *_ in taken] == [0, 0]
    assert sum(int(out.split()[1]) for _, out, _ in taken) == 30
    assert drift("s3://acme-frames/raw", "--shard", "2/2")[0] == 0
    sent = darwin.count("register")
    assert register("s3://acme-frames/raw", "--shard", "1/2")[0] == 0
    assert darwin.count("register") == sent
