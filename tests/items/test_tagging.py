from __future__ import annotations

import pytest

from v7s3.errors import UsageError
from v7s3.items.tagging import merged_tags, tagging


@pytest.mark.parametrize(
    "tags, tag_from, found",
    [
        ([], "", None),
        (["a", "b", "a"], "", ["a", "b"]),
        (["weather=rain", "note=a=b"], "", {"weather": "rain", "note": "a=b"}),
        ([], "day|night", ["night"]),
        ([], r"^(\w+)/(\w+)/", ["berlin", "night"]),
        (["a", "night"], r"/(\w+)/", ["a", "night"]),
        ([], r"^(?P<site>\w+)/(?P<time>\w+)/", {"site": "berlin", "time": "night"}),
        (["site=unknown", "b=c"], r"^(?P<site>\w+)/", {"site": "berlin", "b": "c"}),
        (["site=unknown"], r"^(?P<site>\d+)/", {"site": "unknown"}),
        (["a"], r"^(\d+)/", ["a"]),
        ([], r"^(?P<site>\w+)/(?P<none>x)?", {"site": "berlin"}),
        ([], "x?", None),
    ],
)
def test_tags_come_from_options_and_keys(tags, tag_from, found):
    assert tagging(tags, tag_from).of("berlin/night/1.jpg") == found


@pytest.mark.parametrize(
    "tags, tag_from, message",
    [
        ([""], "", "--tag is empty"),
        (["=x"], "", "--tag is empty"),
        ([], "(", "no regular expression"),
        (["a", "b=c"], "", "some tags have a text"),
        (["a"], "(?P<site>.)", "some tags have a text"),
        (["a=b"], "(.)", "some tags have a text"),
    ],
)
def test_tags_that_v7_could_not_take_together_are_usage_errors(tags, tag_from, message):
    with pytest.raises(UsageError, match=message):
        tagging(tags, tag_from)


def test_tags_merge_once_and_never_contradict():
    assert merged_tags([]) is None
    assert merged_tags([None, ["a"], None, ["b", "a"]]) == ["a", "b"]
    assert merged_tags([{"a": "1"}, {"a": "1", "b": "2"}]) == {"a": "1", "b": "2"}
    with pytest.raises(ValueError, match="both '1' and '2'"):
        merged_tags([{"a": "1"}, {"a": "2"}])
    with pytest.raises(ValueError, match="some have none"):
        merged_tags([{"a": "1"}, ["b"]])
