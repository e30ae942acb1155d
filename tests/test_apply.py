"""The shared machinery of `policy apply` and `cors apply`, against a store in memory."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime

import pytest

from v7s3.apply import Store, carry_out, load_backup, make_plan, save_backup
from v7s3.errors import ConflictError, CredentialsError, UsageError

NOW = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)


class Shelf:
    """A document that remembers what was done to it."""

    def __init__(self, text, *, stale_reads=0, fault=None):
        self.text = self.shown = text
        self.writes = []
        self.stale_reads = stale_reads
        self.fault = fault

    def read(self):
        if self.stale_reads > 0 and self.writes:
            self.stale_reads -= 1
            return self.shown
        return self.text

    def write(self, text):
        if self.fault:
            raise self.fault
        self.writes.append(text)
        self.text = text

    @property
    def store(self):
        def meaning(text):
            return None if text is None else json.loads(text)

        return Store(self.read, self.write, lambda one, two: meaning(one) == meaning(two))


def no_pause(seconds):
    assert seconds > 0


@pytest.fixture
def backup(tmp_path):
    return tmp_path / "backup.json"


def test_a_plan_shows_one_value_a_line_whatever_the_layout():
    plan = make_plan("policy", "acme", '{"a":1,"b":2}', '{"a": 1,\n "b": 3}', Shelf(None).store)
    assert plan.changes
    assert plan.diff().splitlines() == [
        "--- bucket policy of acme, as it is",
        "+++ bucket policy of acme, as it will be",
        "@@ -1,4 +1,4 @@",
        " {",
        '   "a": 1,',
        '-  "b": 2',
        '+  "b": 3',
        " }",
    ]


def test_the_same_meaning_in_another_layout_is_no_change():
    plan = make_plan("cors", "acme", '{"a":1}', '{ "a": 1 }', Shelf(None).store)
    assert not plan.changes
    assert plan.diff() == ""


def test_a_backup_is_private_exact_and_never_overwritten(tmp_path):
    directory = tmp_path / "state" / "backups"
    plan = make_plan("policy", "acme", '{"ä":  1}\r\n', "{}", Shelf(None).store)
    first = save_backup(plan, directory, NOW)
    second = save_backup(plan, directory, NOW)
    assert (first.name, second.name) == ("acme-policy-20260501T100000Z.json", "acme-policy-20260501T100000Z-1.json")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert load_backup(first, "policy", "acme") == '{"ä":  1}\r\n'


def test_the_backup_of_nothing_restores_nothing(tmp_path):
    path = save_backup(make_plan("cors", "acme", None, "{}", Shelf(None).store), tmp_path, NOW)
    assert path.read_text() == "null"
    assert load_backup(path, "cors", "acme") is None


@pytest.mark.parametrize(("kind", "bucket"), [("policy", "acme"), ("cors", "others"), ("cors", "acm")])
def test_the_backup_of_nothing_deletes_no_other_document(tmp_path, kind, bucket):
    path = save_backup(make_plan("cors", "acme", None, "{}", Shelf(None).store), tmp_path, NOW)
    with pytest.raises(UsageError, match="says that there was no document"):
        load_backup(path, kind, bucket)


@pytest.mark.parametrize("kind", ["policy", "cors"])
def test_the_backup_of_nothing_is_known_by_its_whole_name(tmp_path, kind):
    store = Shelf(None).store
    for bucket in ("acme", f"acme-{kind}-eu"):
        for _ in range(2):
            path = save_backup(make_plan(kind, bucket, None, "{}", store), tmp_path, NOW)
            assert load_backup(path, kind, bucket) is None
    with pytest.raises(UsageError, match=r"not that it is the .* of acme"):
        load_backup(path, kind, "acme")


def test_a_mark_that_an_editor_put_before_a_backup_is_not_restored(tmp_path):
    (tmp_path / "x.json").write_text('\ufeff{"a": 1}', encoding="utf-8")
    assert load_backup(tmp_path / "x.json", "policy", "acme") == '{"a": 1}'


def test_without_a_place_for_the_backup_nothing_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="no backup of the bucket policy of acme could be written"):
        save_backup(make_plan("policy", "acme", None, "{}", Shelf(None).store), tmp_path / "file", NOW)


def test_a_file_that_is_no_backup_is_refused(tmp_path):
    (tmp_path / "x").write_text("{")
    with pytest.raises(UsageError, match="is no backup"):
        load_backup(tmp_path / "x", "policy", "acme")
    with pytest.raises(UsageError, match="cannot be read"):
        load_backup(tmp_path / "missing", "policy", "acme")


def test_a_document_that_changed_in_between_is_left_alone(backup):
    shelf = Shelf('{"a": 1}')
    plan = make_plan("policy", "acme", '{"a": 1}', '{"a": 2}', shelf.store)
    shelf.text = '{"a": 1, "theirs": true}'
    with pytest.raises(ConflictError, match="changed since it was read; nothing was written"):
        carry_out(plan, shelf.store, backup, pause=no_pause)
    assert shelf.writes == []


def test_a_write_that_fails_names_the_way_back(backup):
    shelf = Shelf(None, fault=CredentialsError("may not write", hint="ask for s3:PutBucketPolicy"))
    plan = make_plan("policy", "acme", None, "{}", shelf.store)
    with pytest.raises(CredentialsError) as caught:
        carry_out(plan, shelf.store, backup, pause=no_pause)
    assert caught.value.hint.startswith("ask for s3:PutBucketPolicy; the write failed;")
    assert str(backup) in caught.value.hint


def test_the_way_back_is_a_command_also_where_the_state_directory_has_a_blank(tmp_path):
    shelf = Shelf(None, fault=CredentialsError("may not write"))
    backup = tmp_path / "Application Support" / "backup.json"
    with pytest.raises(CredentialsError) as caught:
        carry_out(make_plan("policy", "acme", None, "{}", shelf.store), shelf.store, backup, pause=no_pause)
    assert f"`--restore '{backup}'` puts it back" in caught.value.hint


def test_a_read_back_that_lags_is_waited_for(backup):
    shelf = Shelf('{"a": 1}', stale_reads=3)
    plan = make_plan("policy", "acme", '{"a": 1}', '{"a": 2}', shelf.store)
    carry_out(plan, shelf.store, backup, pause=no_pause)
    assert shelf.writes == ['{"a": 2}']


def test_a_read_back_that_stays_different_is_an_error(backup):
    shelf = Shelf('{"a": 1}', stale_reads=99)
    plan = make_plan("cors", "acme", '{"a": 1}', '{"a": 2}', shelf.store)
    with pytest.raises(ConflictError, match="S3 accepted the CORS configuration of acme but answers another one"):
        carry_out(plan, shelf.store, backup, pause=no_pause)
