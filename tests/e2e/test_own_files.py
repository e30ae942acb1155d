"""No command writes one of its files over another that it reads or writes, by whatever name the file is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LINES = {
    "--keys-from": "raw/a.jpg\nraw/b.jpg\n",
    "--manifest": '{"storage_key": "raw/a.jpg"}\n',
    "--items": '{"name": "a.jpg", "path": "/", "storage_key": "raw/a.jpg"}\n',
}
LIST = "raw/a.jpg\nraw/b.jpg\n"


@pytest.fixture
def files(fill, folder):
    """Two objects, and a working directory with a `list` that has three other names."""
    fill("raw/a.jpg", "raw/b.jpg")
    (folder / "list").write_text(LIST)
    (folder / "link").symlink_to("list")
    (folder / "hard").hardlink_to(folder / "list")
    (folder / "sub").mkdir()
    return folder


@pytest.mark.parametrize("option", LINES)
@pytest.mark.parametrize("name", ["list", "link", "hard", "sub/../list", "{folder}/list"])
def test_a_report_is_not_written_over_the_list_that_is_read(register, files, darwin, option, name):
    (files / "list").write_text(LINES[option])
    name = name.format(folder=files)
    code, out, err = register(option, "list", "--report", name)
    assert (code, out) == (2, "")
    assert err == (
        f"error: --report {name} and {option} list are one file, which would be overwritten\n"
        "  next: give --report another file\n"
    )
    assert (files / "list").read_text() == LINES[option]
    assert darwin.count("register") == 0
    assert register(option, "list", "--report", "other")[0] == 0
    assert (files / "other").read_text().count("\n") == LINES[option].count("\n")


def test_a_report_is_not_written_over_what_standard_input_is_read_from(files, environment, darwin):
    command = [sys.executable, "-m", "v7s3", "register", "--keys-from", "-", "--report", "link", "--dry-run"]
    with (files / "list").open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, (files / "list").read_text()) == (2, LIST)
    assert done.stderr.startswith("error: --report link and standard input are one file")


def test_what_holds_nothing_may_be_read_and_written(register, files, darwin):
    assert register("--keys-from", os.devnull, "--report", os.devnull)[0] == 0


@pytest.mark.parametrize("name", ["l.sqlite", "l.sqlite-wal", "l.sqlite.lock"])
def test_a_report_is_not_written_over_the_ledger(register, v7s3, files, darwin, name):
    source = "s3://acme-frames/raw"
    for command in ("register", "drift"):
        code, _, err = v7s3(command, source, "--ledger", "l.sqlite", "--report", name)  # there is none yet
        assert (code, f"error: --report {name} and " in err, (files / name).exists()) == (2, True, False)
    assert register(source, "--ledger", "l.sqlite")[0] == 0
    before = (files / "l.sqlite").read_bytes()
    for arguments in (["register", source], ["drift", source], ["status"]):
        code, out, err = v7s3(*arguments, "--ledger", "l.sqlite", "--report", name)
        assert (code, out) == (2, ""), err
        assert "one file, which would be overwritten" in err
    assert (files / "l.sqlite").read_bytes() == before


def test_nor_over_the_one_in_the_state_directory(register, v7s3, files, darwin):
    source = "s3://acme-frames/raw"
    assert register(source)[0] == 0
    path = json.loads(v7s3("ledger", "show", "--format", "json")[1])["file"]
    for arguments in (["register", source], ["drift", source], ["status"]):
        code, _, err = v7s3(*arguments, "--report", path)
        assert (code, err.startswith(f"error: --report {path} and the ledger {path} are one file")) == (2, True)
    assert v7s3("status")[1].startswith("acme/road-signs: 2 items of this ledger")


def test_a_list_does_not_become_the_ledger(register, files, darwin):
    (files / "list").write_text("")
    code, _, err = register("--keys-from", "list", "--ledger", "link")
    assert (code, (files / "list").read_text()) == (2, "")
    assert "error: --ledger link and --keys-from list are one file" in err


@pytest.mark.parametrize(("ledger", "output"), [("m.sqlite", "m.sqlite"), ("m.sqlite.part", "m.sqlite")])
def test_an_export_does_not_take_the_place_of_the_ledger(register, v7s3, files, darwin, ledger, output):
    assert register("s3://acme-frames/raw", "--ledger", ledger)[0] == 0
    before = (files / ledger).read_bytes()
    code, out, err = v7s3("ledger", "export", "--ledger", ledger, "-o", output)
    assert (code, out) == (2, "")
    assert f"error: --output {ledger} and the ledger {ledger} are one file" in err
    assert (files / ledger).read_bytes() == before
    assert v7s3("ledger", "export", "--ledger", ledger, "-o", "m.jsonl")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output", "x", "--report", "x"],
        ["--output", "x", "--report", "x.partial"],
        ["--output", "x", "--ledger", "x"],
        ["--output", "-", "--report", "x", "--ledger", "x"],
    ],
)
def test_the_files_of_prepare_are_different_ones(v7s3, environment, files, arguments):
    code, out, err = v7s3("prepare", "s3://acme-frames/raw", *arguments)
    assert (code, out) == (2, "")
    assert "are one file, which would be overwritten" in err
    assert not list(files.glob("x*"))
