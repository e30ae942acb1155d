"""`v7s3 whoami` against a local AWS and a local Darwin: who, from where, and what mends it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture
def whoami(v7s3, environment, folder):
    def run(*arguments: object, before: tuple[object, ...] = ()):
        return v7s3(*before, "whoami", *arguments)

    return run


def sources(out: str) -> dict[str, str]:
    return {one["name"]: one["source"] for one in json.loads(out)["settings"]["facts"]}


def problems(out: str, side: str) -> list[str]:
    return [problem["message"] for problem in json.loads(out)[side]["problems"]]


def test_both_sides_and_the_settings_whole(whoami, darwin, s3):
    code, out, err = whoami()
    assert (code, err) == (0, "")
    assert out == (
        f"[ok]   AWS: arn:aws:iam::{s3.account}:user/owner\n"
        f"         account      {s3.account}\n"
        "         credentials  access key ****************ting  environment variables\n"
        "         region       us-east-1\n"
        f"[ok]   V7: team acme at {darwin.url}\n"
        "         API key      san****  env V7_API_KEY\n"
        "         storages     acme-frames, acme-ro\n"
        "         datasets     road-signs\n"
        "[ok]   Settings: no v7s3.toml\n"
        "         team         acme                    env V7_TEAM\n"
        "         dataset      road-signs              env V7_DATASET\n"
        "         storage      acme-frames             env V7_STORAGE\n"
        f"         darwin-url   {darwin.url}  env DARWIN_BASE_URL\n"
        "         api-key-file -                       env V7_API_KEY\n"
        "         profile      -                       env AWS_ACCESS_KEY_ID\n"
        "         region       us-east-1               env AWS_DEFAULT_REGION\n"
        f"         endpoint-url {s3.url}  env AWS_ENDPOINT_URL\n"
    )


def test_every_setting_names_the_place_it_comes_from(whoami, folder, monkeypatch):
    (folder / "v7s3.toml").write_text('dataset = "road-signs"\n\n[profile.staging]\nregion = "eu-west-1"\n')
    monkeypatch.delenv("V7_DATASET")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    code, out, _ = whoami("--storage", "acme-frames", "--format", "json", before=("--use", "staging"))
    assert code == 0
    assert json.loads(out)["settings"]["who"] == f"{folder / 'v7s3.toml'}, profile staging"
    found = sources(out)
    assert [found[name] for name in ("team", "dataset", "storage", "region")] == [
        "env V7_TEAM",
        "v7s3.toml:1",
        "flag --storage",
        "v7s3.toml:4",
    ]


def test_secrets_are_masked_in_both_formats(whoami, darwin, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    for form in ("text", "json"):
        _, out, err = whoami("-v", "--format", form)
        assert darwin.api_key not in out + err
        assert darwin.api_key[8:] not in out + err
        assert "wJalrXUtnFEMI" not in out + err


def test_nobody_at_all_says_where_credentials_are_made(v7s3, folder, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, _ = v7s3("whoami", "-q")
    assert code == 1
    assert (
        "[FAIL] AWS: unknown\n         problem      no AWS credentials were found\n         mend         `aws conf"
        in out
    )
    assert (
        "[FAIL] V7: unknown\n         problem      there is no V7 API key\n         mend         make a key in V7"
        in out
    )
    assert "] Settings" not in out


def test_a_key_of_another_team_is_told_from_a_key_without_rights(whoami, darwin):
    code, out, _ = whoami("--team", "globex", "--format", "json")
    assert code == 1
    assert problems(out, "v7") == ["the API key is of team 'acme', but the team is set to 'globex'"]
    assert json.loads(out)["aws"]["ok"]


def test_a_wrong_key_is_v7s_word(whoami, monkeypatch):
    monkeypatch.setenv("V7_API_KEY", "abcdefg.0123456789abcdef0123456789abcdef")
    code, out, _ = whoami("--format", "json")
    assert code == 1
    assert problems(out, "v7")[0].startswith("V7 does not let this API key say whose it is: 401")


def test_what_the_key_may_not_do_is_told_beside_what_it_may(whoami, darwin):
    darwin.faults.everywhere = True
    darwin.faults.script = ["ok", "403", "ok"]  # whose key it is, the storages, the datasets
    code, out, _ = whoami()
    assert code == 1
    assert "[FAIL] V7: team acme at" in out
    assert "problem      V7 does not let this API key list the storages of team 'acme': 403" in out
    assert "mend         check in V7 under Settings → API keys" in out
    assert "datasets     road-signs" in out


def test_slugs_that_v7_does_not_know_are_spelled_right(whoami):
    code, out, _ = whoami("--dataset", "road-sings", "--storage", "other", "--format", "json")
    assert code == 1
    found = json.loads(out)["v7"]["problems"]
    assert found == [
        {
            "message": "there is no storage 'other' that this key can see",
            "hint": "choose one of the storages above with --storage",
        },
        {
            "message": "there is no dataset 'road-sings' that this key can see",
            "hint": "did you mean --dataset road-signs?",
        },
    ]


def test_the_key_of_a_flag_goes_before_the_environment_and_that_before_other_files(whoami, folder, darwin, monkeypatch):
    """One that was typed is the one that counts, or a run would go to another team."""
    file = folder / "key"
    file.write_text("AbCdEf1.0123456789abcdefGHIJKLMNOP-rstuv")
    file.chmod(0o600)
    code, out, _ = whoami("--api-key-file", file, "--format", "json")
    assert (code, json.loads(out)["v7"]["facts"][0]["source"]) == (1, f"file {file}")
    code, out, _ = whoami("--api-key-file", folder / "absent", "--format", "json")
    assert (code, problems(out, "v7")[0].partition(" file")[0]) == (1, "cannot read the API key")
    monkeypatch.setenv("V7_API_KEY_FILE", str(file))
    (folder / "v7s3.toml").write_text('api-key-file = "key"\n')
    code, out, _ = whoami("--format", "json")
    assert (code, sources(out)["api-key-file"]) == (0, "env V7_API_KEY")
    assert json.loads(out)["v7"]["facts"][0]["source"] == "env V7_API_KEY"
    monkeypatch.delenv("V7_API_KEY_FILE")
    assert whoami("--format", "json")[0] == 0
    monkeypatch.delenv("V7_API_KEY")
    code, out, _ = whoami("--format", "json")
    assert (code, json.loads(out)["v7"]["facts"][0]["source"]) == (1, f"file {file}")


def test_a_darwin_that_is_away_is_a_problem_of_v7_alone(whoami):
    code, out, _ = whoami("--darwin-url", "http://127.0.0.1:9", "--format", "json")
    assert code == 1
    assert [json.loads(out)[side]["ok"] for side in ("aws", "v7", "settings")] == [True, False, True]


def test_another_s3_has_nobody_to_ask_who_you_are(whoami, s3, monkeypatch):
    for arguments in (("--endpoint-url", s3.url), ()):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        code, out, _ = whoami(*arguments, "--format", "json")
        assert (code, json.loads(out)["aws"]["who"]) == (0, f"not asked, because S3 is at {s3.url}")


def test_faults_in_the_tables_of_other_commands_are_found_too(whoami, folder):
    (folder / "v7s3.toml").write_text("[cors.write]\nlive = true\n\n[register]\nfpss = 1\n")
    code, out, _ = whoami("--format", "json")
    assert code == 1
    assert problems(out, "settings") == [
        f"{folder / 'v7s3.toml'}:2: `v7s3 cors write` has no option 'live'",
        f"{folder / 'v7s3.toml'}:5: `v7s3 register` has no option 'fpss'; did you mean 'fps'?",
    ]


def test_the_key_of_darwin_py_is_found_with_its_default_team(whoami, darwin, monkeypatch, tmp_path):
    monkeypatch.delenv("V7_API_KEY")
    monkeypatch.delenv("V7_TEAM")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    config = tmp_path / ".darwin" / "config.yaml"
    config.parent.mkdir()
    config.write_text(f"global: {{default_team: acme}}\nteams: {{acme: {{api_key: {darwin.api_key}}}, b: {{}}}}\n")
    config.chmod(0o600)
    code, out, _ = whoami("--format", "json")
    assert code == 0, out
    assert json.loads(out)["v7"]["facts"][0]["source"] == f"darwin-py {config}, team acme"


@pytest.mark.parametrize(("minutes", "exit_code"), [(5, 1), (50, 0)])
def test_credentials_that_end_soon_are_a_problem_before_the_run(whoami, folder, monkeypatch, minutes, exit_code):
    """A credential process, as `aws login` and company tools are, whose credentials end in so many minutes."""
    ends = datetime.now(UTC) + timedelta(minutes=minutes, seconds=30)
    answer = {"Version": 1, "AccessKeyId": "testing", "SecretAccessKey": "testing", "Expiration": ends.isoformat()}
    (folder / "answer.json").write_text(json.dumps(answer))
    (folder / "print.py").write_text(f"print(open({str(folder / 'answer.json')!r}).read())")
    process = f'"{sys.executable}" "{folder / "print.py"}"'.replace("\\", "/")
    (folder / "config").write_text(f"[profile labeling]\ncredential_process = {process}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    code, out, _ = whoami("--profile", "labeling")
    assert code == exit_code
    assert f"         expire       {ends:%Y-%m-%d %H:%M} UTC, in {minutes} min\n" in out
    assert ("mend         aws sso login --profile labeling, or fetch a new session token" in out) is bool(exit_code)
