"""Each switch does what it says, and says it again with the same seed."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from v7s3.sandbox import DarwinFaults


def image(number):
    return {"path": "/", "name": f"{number}.jpg", "storage_key": f"{number}.jpg"}


def fates(faults, count=12):
    return [faults.next() for _ in range(count)]


def test_a_script_is_followed_and_then_all_is_well(register, darwin):
    darwin.faults.script = ["500", "drop-before", "drop-after", "quota", "429"]
    assert register(image(1))[0] == 500
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            register(image(1))
    assert register(image(2))[1]["errors"]["code"] == "INSUFFICIENT_REMAINING_STORAGE"
    assert register(image(2))[0] == 429
    assert register(image(1))[1]["blocked_items"][0]["slots"][0]["reason"] == "ALREADY_EXISTS"
    assert darwin.count("register", 0) == 2
    assert darwin.places() == ["/1.jpg"]


def test_turns_and_chances():
    assert fates(DarwinFaults(fail_every=5, drop_after_every=4), 5) == ["ok", "ok", "ok", "drop-after", "500"]
    drill = DarwinFaults(p_refuse=0.3, p_fail=0.3, p_drop_before=0.2, seed=7)
    assert fates(drill) == fates(DarwinFaults(p_refuse=0.3, p_fail=0.3, p_drop_before=0.2, seed=7))
    assert set(fates(drill, 200)) == {"ok", "429", "500", "drop-before"}
    assert fates(DarwinFaults(fail_after=2, fail_status=503), 4) == ["ok", "ok", "503", "503"]


def test_a_token_bucket_lets_its_burst_through():
    assert fates(DarwinFaults(rate_per_minute=1, burst=3), 5) == ["ok", "ok", "ok", "429", "429"]


@pytest.mark.parametrize("kind", ["none", "seconds", "http-date"])
def test_a_429_says_when_to_come_back_or_not(darwin, kind):
    darwin.faults = DarwinFaults(rate_per_minute=2, burst=0, retry_after=kind)
    path = f"{darwin.url}/api/v2/teams/acme/items/register_existing"
    answer = httpx.post(path, headers={"Authorization": f"ApiKey {darwin.api_key}"}, json={})
    assert answer.status_code == 429
    said = answer.headers.get("retry-after")
    if kind == "http-date":
        assert parsedate_to_datetime(said) > parsedate_to_datetime(answer.headers["date"])
    else:
        assert said == {"none": None, "seconds": "30"}[kind]


def test_errors_may_be_no_json(darwin):
    darwin.faults.script = ["html"]
    path = f"{darwin.url}/api/v2/teams/acme/items/register_existing"
    answer = httpx.post(path, headers={"Authorization": f"ApiKey {darwin.api_key}"}, json={})
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")


def test_faults_strike_registration_unless_they_are_everywhere(api, darwin):
    darwin.faults.fail_every = 1
    assert api("GET", "/api/datasets")[0] == 200
    darwin.faults.everywhere = True
    assert api("GET", "/api/datasets")[0] == 500


def test_a_poisoned_item_spoils_its_whole_request(register, darwin):
    darwin.registry.poison = "3.jp"
    status, answer = register(*map(image, range(5)))
    assert (status, answer["errors"]["items[3].name"]) == (422, ["'3.jpg' is not acceptable"])
    darwin.registry.poison = lambda item: item["name"] == "4.jpg"
    assert register(image(4))[0] == 422
    assert register(*map(image, range(4)))[0] == 200


def test_a_darwin_elsewhere_is_switched_over_http(register, api, darwin):
    switched = api("POST", "/__sandbox", {"faults": {"fail_every": 2}, "poison": "bad", "hold": True})[1]
    assert switched["faults"]["fail_every"] == 2
    register(image(1))
    assert register(image(2))[0] == 500
    truth = api("GET", "/__sandbox")[1]
    assert truth["items"] == ["/1.jpg"]
    assert truth["keys"] == ["1.jpg"]
    assert {"route": "register", "status": 500, "count": 1} in truth["requests"]
    assert api("DELETE", "/__sandbox")[0] == 200
    assert darwin.items == []


def test_s3_slows_down_and_drops_connections_too(s3):
    import boto3

    s3.make_bucket("frames")
    once = boto3.client(
        "s3",
        endpoint_url=s3.url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    s3.faults.slow_down_every = 1
    with pytest.raises(ClientError, match="SlowDown"):
        once.list_objects_v2(Bucket="frames")
    s3.faults.slow_down_every, s3.faults.drop_every = 0, 2
    assert s3.client().list_objects_v2(Bucket="frames")["KeyCount"] == 0
    assert s3.client().list_objects_v2(Bucket="frames")["KeyCount"] == 0
