"""`v7s3.toml` speaks to every command, says where it is wrong, and holds no secret."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import typer

from v7s3.cli.app import COMMANDS
from v7s3.cli.app import app as root
from v7s3.cli.defaults import VARIABLES, find_settings, settings_of
from v7s3.settings import SHARED, option_of, read_settings

KEY = "abcdefg.0123456789abcdef0123456789abcdef"
POLICY = Path(__file__).parents[2] / "examples" / "policies" / "good"


@pytest.fixture
def write(folder):
    def write(text: str, where: str = "v7s3.toml") -> Path:
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def bucket_of(v7s3):
    """The bucket that `policy write` prints a policy for."""

    def run(*before: object, arguments: tuple[object, ...] = ()) -> str:
        code, out, err = v7s3(*before, "policy", "write", *arguments)
        assert code == 0, err
        return json.loads(out)["Statement"][0]["Resource"].removeprefix("arn:aws:s3:::").removesuffix("/*")

    return run


# --- where it is found ----------------------------------------------------------------------------------------------
def test_it_is_found_upwards_as_far_as_the_root_of_the_repository(tmp_path):
    home, repository, deep = tmp_path / "home", tmp_path / "home" / "repository", tmp_path / "home" / "repository" / "a"
    deep.mkdir(parents=True)
    assert find_settings(deep, home) is None
    (home / "v7s3.toml").touch()
    assert find_settings(deep, home) == home / "v7s3.toml"
    (repository / ".git").mkdir()
    assert find_settings(deep, home) is None
    (repository / "v7s3.toml").touch()
    assert find_settings(deep, home) == repository / "v7s3.toml"
    (deep / "v7s3.toml").touch()
    assert find_settings(deep, home) == deep / "v7s3.toml"


def test_outside_of_home_and_repositories_only_the_working_directory_is_believed(tmp_path):
    shared, work = tmp_path / "tmp", tmp_path / "tmp" / "work"
    work.mkdir(parents=True)
    (shared / "v7s3.toml").touch()
    assert find_settings(work, tmp_path / "home") is None
    (work / "v7s3.toml").touch()
    assert find_settings(work, tmp_path / "home") == work / "v7s3.toml"


def test_a_file_named_on_the_command_line_or_in_the_environment_is_read_instead(write, bucket_of, monkeypatch):
    write('[policy]\nbucket = "found-here"\n')
    other = write('[policy]\nbucket = "named-file"\n', "other/settings.toml")
    assert bucket_of() == "found-here"
    assert bucket_of("--config", other) == "named-file"
    monkeypatch.setenv("V7S3_CONFIG", str(other))
    assert bucket_of() == "named-file"


def test_a_named_file_that_is_not_there_is_an_error(v7s3, folder):
    code, _, err = v7s3("--config", "none.toml", "cors", "write")
    assert (code, err.splitlines()[0]) == (2, "error: none.toml cannot be read: No such file or directory")


# --- which of it counts ---------------------------------------------------------------------------------------------
def test_the_nearer_table_goes_before_the_wider_one_and_the_profile_before_both(write, bucket_of):
    write(
        '[policy]\nbucket = "of-group"\n[policy.write]\nbucket = "of-command"\n'
        '[profile.a]\nteam = "acme"\n[profile.b.policy]\nbucket = "of-profile-group"\n'
        '[profile.c.policy]\nbucket = "x-x"\n[profile.c.policy.write]\nbucket = "of-profile-command"\n'
    )
    found = [bucket_of(), *(bucket_of("--use", name) for name in "abc")]
    assert found == ["of-command", "of-command", "of-profile-group", "of-profile-command"]


def test_a_flag_goes_before_the_environment_and_that_before_the_file(write, v7s3, monkeypatch):
    def region() -> str:
        return v7s3(*command)[1].split("S3 region:")[1].split()[0]

    def team() -> str:
        return v7s3(*command)[1].split("Team:")[1].split()[0]

    command = ["activation", "write", "s3://acme-scans", "--region", "eu-west-1"]
    write('team = "file"\nregion = "us-west-2"\n')
    assert (team(), region()) == ("file", "eu-west-1")
    monkeypatch.setenv("V7_TEAM", "environment")
    assert team() == "environment"
    command += ["--team", "flag"]
    assert team() == "flag"


def test_the_profile_is_chosen_in_the_environment_too(write, bucket_of, monkeypatch):
    write('[profile.staging.policy]\nbucket = "staging-scans"\n')
    monkeypatch.setenv("V7S3_PROFILE", "staging")
    assert bucket_of() == "staging-scans"


def test_variables_that_only_aws_reads_go_before_the_file(write, v7s3, monkeypatch):
    write('aws-profile = "none-such"\n')
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, _, err = v7s3("policy", "check", "s3://acme-scans")
    assert (code, "none-such" in err) == (2, True)
    monkeypatch.setenv("AWS_PROFILE", "the-other")
    _, _, err = v7s3("policy", "check", "s3://acme-scans")
    assert "the-other" in err
    assert "none-such" not in err


def test_paths_are_seen_from_the_file(write, v7s3, monkeypatch, folder):
    write('team = "acme"\napi-key-file = "secrets/v7"\n')
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")
    code, _, err = v7s3("register", "s3://acme-scans", "--dataset", "scans")
    assert code == 2
    assert f"cannot read the API key file {folder / 'secrets' / 'v7'}" in err


def test_underscores_and_lists_and_switches_are_taken(write, v7s3):
    write('[cors.write]\nmax_age = 60\norigin = ["https://a.example", "https://b.example"]\n')
    _, out, _ = v7s3("cors", "write")
    rule = json.loads(out)[0]
    assert (rule["AllowedOrigins"], rule["MaxAgeSeconds"]) == (["https://a.example", "https://b.example"], 60)


def test_every_shared_key_is_an_option_of_some_command():
    group = typer.main.get_command(root)
    commands = [group.get_command(None, name) for name in COMMANDS]
    options = Counter(
        flag.lstrip("-")
        for command in commands
        for flag in {
            flag
            for leaf in getattr(command, "commands", {"": command}).values()
            for one in leaf.params
            for flag in one.opts
        }
    )
    assert [key for key in SHARED if not options[option_of(key)]] == []
    assert [option for option in VARIABLES if not options[option]] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_gets_the_shared_keys_that_it_has_options_for(name, write, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    values = dict.fromkeys(SHARED, '"x"') | {"darwin-url": '"http://localhost"', "quiet": "true", "verbose": "true"}
    write("\n".join(f"{key} = {value}" for key, value in values.items()))
    group = typer.main.get_command(root)
    context = typer.Context(group, info_name="v7s3", default_map={})
    _, command, _ = group.resolve_command(context, [name])
    defaults = context.default_map[name]
    leaves = getattr(command, "commands", None)
    for leaf, found in [(one, defaults[key]) for key, one in leaves.items()] if leaves else [(command, defaults)]:
        parameters = {flag.lstrip("-"): parameter.name for parameter in leaf.params for flag in parameter.opts}
        assert set(found) == {parameters[option] for option in map(option_of, SHARED) if option in parameters}
    assert settings_of(context) is not None


# --- what is wrong with it ------------------------------------------------------------------------------------------
FAULTS = {
    "teem = 'acme'": ":1: 'teem' is no setting that commands share; did you mean 'team'?",
    "\n\n[registr]\nlimit = 1": ":3: there is no command 'registr'; did you mean 'register'?",
    "[cors]\norigins = []": ":2: `v7s3 cors` has no option 'origins'; did you mean 'origin'?",
    "[cors.chek]\nlive = true": ":1: `v7s3 cors` has no option 'chek'; did you mean 'check'?",
    "[cors.write]\nlive = true": ":2: `v7s3 cors write` has no option 'live'",
    "[profile.a.cors.write]\nlive = true": ":2: `v7s3 cors write` has no option 'live'",
    "[cors.write.origin]\na = 1": ":1: 'origin' is an option of `v7s3 cors write`, and not a table",
    "[cors.write]\nmax-age = ['1']": ":2: 'max-age' has to be one value, not a list",
    "[cors.write]\norigin = 'https://a.example'": ":2: 'origin' has to be a list, because the option may be repeated",
    "[cors.check]\nlive = 1": ":2: 'live' has to be true or false",
    "[cors.check]\nregion = true": ":2: 'region' has to be a text or a number, not true or false",
    "cors = 1": ":1: 'cors' is no setting that commands share",
    "profile = 'labeling'": ":1: `profile` is the table of profiles, which --use chooses from",
    "[profile]\nteam = 'acme'": ":1: `profile` is the table of profiles, which --use chooses from",
    "[profile.a]\nteem = 'acme'": ":2: 'teem' is no setting that commands share; did you mean 'team'?",
    "[policy.apply]\nyes = true": ":2: `yes` is consent, and nobody gives that beforehand",
    "darwin-url = 'https://v7labs.com.example'": ":1: this address is not V7's, and whoever may write this file would",
    "team = \n": " is not TOML: Invalid value (at line 1, column 8)",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_with_its_line(text, write, v7s3):
    path = write(text)
    code, out, err = v7s3("cors", "write")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}{FAULTS[text]}"), err


def test_a_value_that_the_option_does_not_take_is_traced_to_its_line(write, v7s3, monkeypatch):
    write("# speed\n[register]\nworkers = 500\n")
    _, _, err = v7s3("register", "s3://acme-scans")
    assert err.startswith("error: Invalid value for '--workers': 500 is not in the range 1<=x<=64. (v7s3.toml:3)")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("cors", "--help"), ("cors", "write", "--help")])
def test_help_works_with_broken_settings(write, v7s3, arguments):
    write("team = ")
    assert v7s3(*arguments)[0] == 0


def test_options_of_the_program_behind_the_command_are_explained(v7s3):
    code, _, err = v7s3("cors", "write", "--use", "staging")
    assert (code, err.splitlines()[1]) == (2, "  next: --use stands before the command: v7s3 --use … COMMAND")


def test_a_profile_that_is_not_there_is_an_error(write, v7s3, folder):
    assert v7s3("--use", "prod", "cors", "write")[2].startswith("error: there is no v7s3.toml here or above")
    write("[profile.production]\nteam = 'acme'\n")
    code, _, err = v7s3("--use", "prod", "cors", "write")
    assert code == 2
    assert err.splitlines()[1] == "  next: its profiles: production"


# --- secrets --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        f"team = '{KEY}'",
        f"# the key is {KEY}",
        f"{KEY} = ",
        "api_key = 'hunter2'",
        "API-KEY = 'hunter2'",
        "[register]\nv7_api_key = 'hunter2'",
        "[profile.a]\naws_secret_access_key = 'hunter2'",
        "aws_access_key_id = 'hunter2'",
        "team = 'AKIAIOSFODNN7EXAMPLE'",
        "[cors]\n[cors.write]\ntoken = 'hunter2'",
    ],
)
def test_a_secret_is_refused_and_not_repeated(text, write, v7s3):
    path = write(text)
    code, out, err = v7s3("cors", "write")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}:")
    assert "looks like a secret; settings files hold none, because they are committed and shared" in err
    for secret in (KEY, KEY[8:], "hunter2", "AKIAIOSFODNN7EXAMPLE"):
        assert secret not in err


def test_the_line_of_a_key_is_where_it_begins_in_any_spelling_of_toml(write):
    path = write(
        '# "team"\nteam = """\nteam = 1\n"""\n\n[cors]\norigin = [\n  "https://a.example", # [x]\n]\n'
        "profile.a.dataset = 'x'\n"
    )
    path.write_text(path.read_text().replace("profile.a.dataset = 'x'\n", "[profile.a]\n'dataset' = 'x'\n"))
    settings = read_settings(path, "a", COMMANDS)
    assert [settings.line(one) for one in (("team",), ("cors", "origin"), ("profile", "a", "dataset"))] == [2, 7, 11]
