"""Where the API key comes from, and that it goes nowhere else."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from v7s3.apikey import ApiKey, find_api_key
from v7s3.errors import CredentialsError, UsageError, V7S3Error

KEY = "AbCdEf1.0123456789abcdefGHIJKLMNOP-rstuv"
OTHER = "ZyXwVu9.zyxwvutsrqponmlkjihgfedcba-98765"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def darwin_config(document: object) -> Path:
    return write(Path("~/.darwin/config.yaml").expanduser(), yaml.dump(document, default_flow_style=False))


def team(key: str) -> dict[str, str]:
    return {"api_key": key, "datasets_dir": "/data"}


def value(found: ApiKey) -> str:
    return found.secret.get_secret_value()


def everything_said(error: BaseException) -> str:
    hint = error.hint if isinstance(error, V7S3Error) else ""
    return (
        "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format()) + repr(error) + hint
    )


def test_the_environment_comes_before_darwin_py_and_is_named_as_the_source():
    darwin_config({"teams": {"acme": team(OTHER)}})
    found = find_api_key({"V7_API_KEY": KEY})
    assert (value(found), found.source, found.team, found.warnings) == (KEY, "env V7_API_KEY", "", ())


def test_a_file_comes_before_the_environment_and_is_not_passed_over_when_it_cannot_be_read(tmp_path):
    path = write(tmp_path / "key", OTHER)
    found = find_api_key({"V7_API_KEY": KEY}, path)
    assert (value(found), found.source, found.warnings) == (OTHER, f"file {path}", ())
    with pytest.raises(UsageError, match="cannot read the API key file"):
        find_api_key({"V7_API_KEY": KEY}, tmp_path / "absent")


def test_a_file_comes_before_darwin_py(tmp_path):
    darwin_config({"teams": {"acme": team(OTHER)}})
    path = write(tmp_path / "key", KEY)
    found = find_api_key({}, path)
    assert (value(found), found.source, found.team) == (KEY, f"file {path}", "")


@pytest.mark.parametrize(
    "pasted", [f"{KEY}\n", f"  {KEY}\r\n", f'"{KEY}"', f"'{KEY}' ", f"ApiKey {KEY}", f"\ufeff{KEY}\n"]
)
def test_what_pasting_brings_along_is_taken_off(tmp_path, pasted):
    assert value(find_api_key({}, write(tmp_path / "key", pasted))) == KEY


def test_the_only_team_of_darwin_py_is_used_and_named():
    config = darwin_config({"global": {"api_endpoint": "https://darwin.v7labs.com/api/"}, "teams": {"acme": team(KEY)}})
    found = find_api_key({})
    assert (value(found), found.source, found.team) == (KEY, f"darwin-py {config}, team acme", "acme")


def test_the_default_team_of_darwin_py_is_used_unless_another_is_asked_for():
    darwin_config({"global": {"default_team": "acme"}, "teams": {"other": team(OTHER), "acme": team(KEY)}})
    assert (value(find_api_key({})), find_api_key({}).team) == (KEY, "acme")
    assert (value(find_api_key({}, team="other")), find_api_key({}, team="other").team) == (OTHER, "other")


@pytest.mark.parametrize(
    "document, asked, message, hint",
    [
        ({"teams": {"a": team(KEY), "b": team(OTHER)}}, "", "several teams and no default one", "--team: a, b"),
        ({"teams": {"a": team(KEY)}}, "b", "has no API key for team 'b'", "it has keys for a; "),
        ({"teams": {"a": {"datasets_dir": "/d"}}}, "", "has no API key for team 'a'", "Settings → API keys"),
        ({"global": {}}, "", "has no team", "Settings → API keys"),
        ([KEY], "", "has no team", "Settings → API keys"),
        (None, "", "has no team", "Settings → API keys"),
    ],
)
def test_a_darwin_py_configuration_without_the_key_says_what_to_do(document, asked, message, hint):
    darwin_config(document)
    with pytest.raises(CredentialsError, match=message) as caught:
        find_api_key({}, team=asked)
    assert hint in caught.value.hint
    assert KEY not in everything_said(caught.value)


def test_broken_yaml_is_named_with_its_line_and_without_its_text():
    write(Path("~/.darwin/config.yaml").expanduser(), f"teams:\n  acme:\n    api_key: {KEY}\n   : [\n")
    with pytest.raises(UsageError, match=r"config.yaml is not valid YAML, line \d") as caught:
        find_api_key({})
    assert KEY not in everything_said(caught.value)


def test_yaml_that_would_run_code_is_refused():
    write(Path("~/.darwin/config.yaml").expanduser(), "teams: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(UsageError, match="not valid YAML"):
        find_api_key({})


def test_without_any_key_the_error_says_how_to_get_one():
    with pytest.raises(CredentialsError, match="there is no V7 API key") as caught:
        find_api_key({})
    assert "'Add data to datasets'" in caught.value.hint
    assert "export V7_API_KEY=" in caught.value.hint


@pytest.mark.parametrize("empty", ["", "  \n", '""'])
def test_an_empty_key_is_an_error_that_names_its_source(empty):
    with pytest.raises(CredentialsError, match=r"the V7 API key is empty \(env V7_API_KEY\)"):
        find_api_key({"V7_API_KEY": empty})


@pytest.mark.parametrize("broken", [f"{KEY} {KEY}", f"{KEY[:9]}\n{KEY[9:]}", f"{KEY}é", f"{KEY[:9]}\x00{KEY[9:]}"])
def test_characters_that_no_key_has_are_refused_without_showing_them(broken):
    with pytest.raises(CredentialsError, match="blanks or other characters") as caught:
        find_api_key({"V7_API_KEY": broken})
    assert KEY[9:] not in everything_said(caught.value)
    assert KEY[:9] not in everything_said(caught.value)


def test_an_unusual_shape_is_only_a_warning():
    found = find_api_key({"V7_API_KEY": "demo-key"})
    assert value(found) == "demo-key"
    assert found.warnings == (
        "the V7 API key (env V7_API_KEY) does not look like one: seven characters, a dot, thirty-two characters",
    )


def test_a_missing_file_and_a_binary_one_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the API key file .*No such file"):
        find_api_key({}, tmp_path / "absent")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe" + KEY.encode())
    with pytest.raises(UsageError, match="is not text") as caught:
        find_api_key({}, binary)
    assert KEY not in everything_said(caught.value)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_usage_error(tmp_path):
    path = write(tmp_path / "key", KEY)
    path.chmod(0)
    with pytest.raises(UsageError, match="Permission denied"):
        find_api_key({}, path)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_key_file_that_others_can_read_is_warned_about(tmp_path):
    path = write(tmp_path / "key", KEY)
    path.chmod(0o644)
    (warning,) = find_api_key({}, path).warnings
    assert warning.startswith("other users of this machine can read the API key")
    assert f"chmod 600 {path}" in warning


@given(st.text(min_size=20, max_size=60))
def test_whatever_the_variable_holds_is_never_shown(text):
    try:
        found = find_api_key({"V7_API_KEY": text})
    except CredentialsError as error:
        shown = everything_said(error)
    else:
        shown = f"{found!r} {found} {found.secret} {found.warnings}"
    assert text.strip() == "" or text.strip() not in shown
