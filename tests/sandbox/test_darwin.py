"""The sandbox's Darwin: registration, slugs, keys, listing and deletion over HTTP."""

from __future__ import annotations

import zlib

import httpx
import pytest

from v7s3.sandbox import SandboxDarwin, Storage

TEAM = "/api/v2/teams/acme"


def image(number=1, **more):
    return {"path": "/raw", "name": f"{number}.jpg", "storage_key": f"raw/{number}.jpg", **more}


def reasons(answer):
    return [(one["name"], one["slots"][0]["reason"]) for one in answer["blocked_items"]]


def test_items_are_registered_once_by_dataset_path_and_name(register, darwin):
    status, answer = register(image(1), image(2))
    assert (status, answer["blocked_items"]) == (200, [])
    assert [(one["path"], one["name"]) for one in answer["items"]] == [("/raw", "1.jpg"), ("/raw", "2.jpg")]
    status, answer = register(image(2), image(3), image(3), image(1, path="raw/"), image(1, path="/other"))
    assert (status, reasons(answer)) == (
        200,
        [("2.jpg", "ALREADY_EXISTS"), ("3.jpg", "ALREADY_EXISTS"), ("1.jpg", "ALREADY_EXISTS")],
    )
    assert darwin.places() == ["/other/1.jpg", "/raw/1.jpg", "/raw/2.jpg", "/raw/3.jpg"]
    assert darwin.keys() == ["raw/1.jpg", "raw/1.jpg", "raw/2.jpg", "raw/3.jpg"]
    assert darwin.count("register", 200) == 2


def test_unknown_tags_block_their_item_only(register):
    _, answer = register(image(1, tags=["daylight"]), image(2, tags=["fog"]), image(3, tags={"night": "very"}))
    assert reasons(answer) == [("2.jpg", "UNKNOWN_TAGS")]
    assert [one["name"] for one in answer["items"]] == ["1.jpg", "3.jpg"]


def test_the_teams_limits(s3):
    with SandboxDarwin(item_limit=2, quota=2) as darwin, httpx.Client(base_url=darwin.url) as client:

        def send(*items):
            document = {"dataset_slug": darwin.dataset, "storage_slug": darwin.storage, "items": list(items)}
            headers = {"Authorization": f"ApiKey {darwin.api_key}"}
            return client.post(f"{TEAM}/items/register_existing", json=document, headers=headers)

        assert reasons(send(image(1), image(2), image(3)).json()) == [("3.jpg", "ITEM_COUNT_LIMIT_EXCEEDED")]
        refused = send(image(4))
        assert (refused.status_code, refused.json()["errors"]["code"]) == (429, "INSUFFICIENT_REMAINING_STORAGE")


@pytest.mark.parametrize(
    "change, status, field",
    [
        ({"dataset": "nope"}, 404, "dataset_slug"),
        ({"storage": "nope"}, 404, "storage_slug"),
        ({"storage": "acme-ro"}, 422, "storage_slug"),
        ({"readonly": True}, 422, "storage_slug"),
        ({"dataset": None}, 422, "dataset_slug"),
    ],
)
def test_slugs_and_the_storages_mode_are_checked(register, change, status, field):
    got, answer = register(image(), **change)
    assert got == status
    assert field in answer["errors"]


def test_a_bad_request_names_every_fault_and_registers_nothing(register, darwin):
    status, answer = register(image(1), image(2, name="a/b"), {"name": "x", "fps": "fast"})
    assert status == 422
    assert answer["errors"] == {
        "code": "INVALID_REQUEST",
        "items[1].name": ["must not contain a slash"],
        "items[2].path": ["is required"],
        "items[2].storage_key": ["is required"],
        "items[2].fps": ['must be a number ≥ 0 or "native"'],
    }
    assert darwin.items == []


def test_keys_and_their_permissions(register, api, darwin):
    nobody = {"Authorization": "ApiKey wrong"}
    reader = {"Authorization": f"ApiKey {darwin.read_only_key}"}
    bearer = {"Authorization": f"Bearer {darwin.api_key}"}
    assert register(image(), headers=nobody)[1] == {
        "errors": {"code": "NOT_AUTHENTICATED", "message": "the API key is missing or unknown"}
    }
    assert register(image(), headers=bearer)[0] == 401
    assert register(image(), headers=reader)[0] == 403
    assert api("GET", "/api/datasets", headers=reader)[0] == 200
    assert api("GET", "/api/users/token_info", headers=nobody)[0] == 401
    assert api("GET", "/api/v2/teams/other/items")[0] == 404


def test_a_body_may_be_too_large_compressed_or_nonsense(register, api, darwin):
    document = b'{"dataset_slug": "road-signs", "storage_slug": "acme-frames", "items": [%s]}'
    one = b'{"path": "/", "name": "z.jpg", "storage_key": "z.jpg"}'
    path, header = f"{TEAM}/items/register_existing", {"X-Darwin-Payload-Compression-Version": "1"}
    assert api("POST", path, content=zlib.compress(document % one), headers=header)[0] == 200
    assert darwin.places() == ["/z.jpg"]
    assert api("POST", path, content=b"no zlib", headers=header)[0] == 422
    assert api("POST", path, content=b"{")[0] == 422
    darwin.max_body = 100
    assert register(image())[0] == 413


def test_storages_datasets_and_the_key(api):
    assert api("GET", "/api/teams/acme/storage") == (
        200,
        [
            {
                "name": "acme-frames",
                "prefix": "darwin",
                "readonly": False,
                "provider": "aws",
                "default": True,
                "bucket": "acme-frames",
                "region": "us-east-1",
            },
            {
                "name": "acme-ro",
                "prefix": "",
                "readonly": True,
                "provider": "aws",
                "default": False,
                "bucket": "acme-frames",
                "region": "us-east-1",
            },
        ],
    )
    assert [(one["id"], one["slug"]) for one in api("GET", "/api/datasets/")[1]] == [(1000, "road-signs")]
    assert api("GET", "/api/users/token_info")[1]["selected_team"]["slug"] == "acme"
    assert api("GET", "/api/v2/teams/acme/storage")[0] == 404


def test_listing_pages_through_every_item_once(register, api):
    register(*[image(number) for number in range(25)])
    seen, cursor = [], None
    while True:
        parameters = {"dataset_ids[]": 1000, "page[size]": 10} | ({"page[from]": cursor} if cursor else {})
        _, answer = api("GET", f"{TEAM}/items", params=parameters)
        seen.append([one["name"] for one in answer["items"]])
        cursor = answer["page"]["next"]
        if cursor is None:
            break
    assert [len(page) for page in seen] == [10, 10, 5]
    assert [name for page in seen for name in page] == [f"{number}.jpg" for number in range(25)]


@pytest.mark.parametrize(
    "query, names",
    [
        ("item_names[]=1.jpg&item_names[]=3.jpg", ["1.jpg", "3.jpg"]),
        ("item_paths[]=/raw", ["1.jpg", "2.jpg"]),
        ("item_path_prefix=/o", ["3.jpg"]),
        ("item_name_contains=2", ["2.jpg"]),
        ("slot_types[]=video", []),
        ("dataset_ids=all&sort[name]=desc", ["3.jpg", "2.jpg", "1.jpg"]),
        ("dataset_ids=1000,1001", ["1.jpg", "2.jpg", "3.jpg"]),
        ("dataset_ids[]=1001", []),
        ("statuses[]=error", []),
    ],
)
def test_listing_filters(register, api, darwin, query, names):
    darwin.hold()  # none of the objects exist: processed, every item would be in error
    register(image(1), image(2), image(3, path="/other"))
    assert [one["name"] for one in api("GET", f"{TEAM}/items?{query}")[1]["items"]] == names


def test_one_item_its_ids_and_its_folder(register, api):
    ident = register(image(1))[1]["items"][0]["id"]
    assert api("GET", f"{TEAM}/items/{ident}")[1]["path"] == "/raw"
    assert api("GET", f"{TEAM}/items/00000000-0000-0000-0000-000000000000")[0] == 404
    assert api("GET", f"{TEAM}/items/list_ids")[1] == {"item_ids": [ident]}
    assert api("GET", f"{TEAM}/items/folders")[1]["folders"][0]["path"] == "/raw"


def test_deleting_frees_the_name_and_never_takes_more_than_asked(register, api, darwin):
    register(image(1), image(2))
    remove = {"filters": {"dataset_ids": [1000], "item_names": ["1.jpg"]}}
    assert api("DELETE", f"{TEAM}/items", {"filters": {"item_names": ["1.jpg"]}})[0] == 422
    misspelt = {"filters": {"dataset_ids": [1000], "item_nmaes": ["1.jpg"]}}
    assert api("DELETE", f"{TEAM}/items", misspelt) == (200, {"affected_item_count": 0})
    assert api("DELETE", f"{TEAM}/items", remove) == (200, {"affected_item_count": 1})
    assert darwin.places() == ["/raw/2.jpg"]
    assert register(image(1))[1]["blocked_items"] == []


def test_a_team_is_set_up_as_the_test_needs_it():
    storages = [Storage("eu", "eu-frames", prefix="v7/", region="eu-west-1")]
    with SandboxDarwin(team="north", datasets=["a", "b"], storages=storages) as darwin:
        assert darwin.environment() == {
            "DARWIN_BASE_URL": darwin.url,
            "V7_API_KEY": darwin.api_key,
            "V7_TEAM": "north",
            "V7_DATASET": "a",
            "V7_STORAGE": "eu",
        }
