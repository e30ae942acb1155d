"""The JSON reader: agrees with `json.loads` on what is JSON, and finds the place of what is not."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v7s3.access.jsontext import (
    apply_edits,
    insert_element,
    minified_size,
    python_value,
    read,
    replace,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
indents = st.sampled_from([None, 1, 2, 4, "\t"])

# text, then (kind, line, column) of every problem, then the value that is still understood (... = none)
FAULTS = [
    ("", [("empty", 1, 1)], ...),
    (" \n ", [("empty", 1, 1)], ...),
    ('{"a": [1, 2,]}', [("trailing-comma", 1, 12)], {"a": [1, 2]}),
    ('{\n  "a": 1,\n}', [("trailing-comma", 2, 9)], {"a": 1}),
    ('{\n  "a": 1\n  "b": 2\n}', [("missing-comma", 3, 3)], {"a": 1, "b": 2}),
    ("[1 2]", [("missing-comma", 1, 4)], [1, 2]),
    ("[1,,2]", [("extra-comma", 1, 4)], [1, 2]),
    ("[,1]", [("extra-comma", 1, 2)], [1]),
    ('{"a" 1}', [("missing-colon", 1, 6)], {"a": 1}),
    ("{'a': 'b'}", [("quotes", 1, 2), ("quotes", 1, 7)], {"a": "b"}),
    ("{“a”: “b”}", [("quotes", 1, 2), ("quotes", 1, 7)], {"a": "b"}),
    ("{a: 1}", [("unquoted-key", 1, 2)], {"a": 1}),
    ("\ufeff{}", [("byte-order-mark", 1, 1)], {}),
    ("{} // done\n/* really */", [("comment", 1, 4), ("comment", 2, 1)], {}),
    ("# a policy\n{}", [("comment", 1, 1)], {}),
    ("[NaN, -Infinity]", [("number", 1, 2), ("number", 1, 7)], [None, None]),
    ("[True, None]", [("literal", 1, 2), ("literal", 1, 8)], [True, None]),
    ("[01]", [("number", 1, 2)], ...),
    ('{"a": Allow}', [("syntax", 1, 7)], ...),
    ("{}}", [("after-end", 1, 3)], {}),
    ('{"a": 1}, {"b": 2}', [("after-end", 1, 9)], ...),
    ('{"a": {}},\n "b": 1}', [("after-end", 1, 10)], ...),
    ('["a\tb"]', [("control-character", 1, 4)], ["a\tb"]),
    ('["a\x00b"]', [("control-character", 1, 4)], ["a\x00b"]),
    (r'["a\d"]', [("escape", 1, 4)], ["a\\d"]),
    (r'["\u12"]', [("escape", 1, 3)], ["\\u12"]),
    (r'["\ud800"]', [("escape", 1, 3)], ["\ufffd"]),
    ('{"a": "b,\n"c": 1}', [("unclosed", 1, 7)], ...),
    ('{"a": "b', [("unclosed", 1, 7)], ...),
    ('{"a": [1', [("unclosed", 1, 7)], ...),
    ('{"a": [1}', [("syntax", 1, 9)], ...),
    ('{"a":}', [("syntax", 1, 2)], ...),
    ('{"a": 1, 2}', [("syntax", 1, 10)], ...),
    ('["a": 1]', [("syntax", 1, 5)], ...),
    ("]", [("syntax", 1, 1)], ...),
    (":", [("syntax", 1, 1)], ...),
    ("<CORS/>", [("syntax", 1, 1)], ...),
    ("a: 1", [("syntax", 1, 1)], ...),
    ('{"a": 1, "b": 2, "a": 3}', [("duplicate-key", 1, 18)], {"a": 3, "b": 2}),
    ('"Version": "x",\n"Id": "y"\n}', [("missing-brace", 1, 1)], {"Version": "x", "Id": "y"}),
    ('"a": 1', [("missing-brace", 1, 1), ("unclosed", 1, 6)], {"a": 1}),
    ('{"a":\xa01}', [("syntax", 1, 6)], {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize("text, problems, value", FAULTS, ids=[repr(case[0]) for case in FAULTS])
def test_every_fault_has_its_kind_and_place(text, problems, value):
    document = read(text)
    assert [(problem.kind, problem.line, problem.column) for problem in document.problems] == problems
    assert (... if document.root is None else python_value(document.root)) == value


def test_messages_say_what_to_do():
    text = "{\n  'Version': '2012-10-17'\n  \"Statement\": [],\n  \"Version\": 1,\n}"
    assert [f"{problem.line}:{problem.column} {problem.message}" for problem in read(text).problems] == [
        '2:3 single quotes; JSON wants straight double quotes (")',
        '2:14 single quotes; JSON wants straight double quotes (")',
        "3:3 a comma is missing at the end of line 2",
        '4:3 the key "Version" stands twice, first in line 2',
        "4:15 a comma before '}'; delete it",
    ]


@pytest.mark.parametrize(
    "source, message, value",
    [
        (b'{"a": "\xe4"}', "byte 0xe4 is not UTF-8; save the file as UTF-8", {"a": "\ufffd"}),
        ('{"a": 1}'.encode("utf-16"), "the file is UTF-16 (Windows calls it Unicode); save it as UTF-8", {"a": 1}),
    ],
)
def test_bytes_in_another_encoding_are_named_and_still_read(source, message, value):
    document = read(source)
    assert document.problems[0].message == message
    assert document.problems[0].kind == "encoding"
    if document.root is not None:
        assert python_value(document.root) == value


def test_a_hundred_thousand_brackets_are_one_located_problem():
    for text in ("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000):
        document = read(text)
        assert [problem.kind for problem in document.problems] == ["depth"]
        assert document.root is None


@pytest.mark.timeout(30)  # a second or two when linear, hours when quadratic
@pytest.mark.parametrize(
    "hazard",
    ["1,", '"a":{', '{"a', "\\", '"\\', "/*", "'", "\xa0", "# \n", "#", "\n", "true ", "'a\\", "{}"],
)
def test_reading_takes_linear_time(hazard):
    for opening in ("", "[", '["', '{"a'):
        document = read(opening + hazard * 200_000)
        document.pointer(100_000)
        minified_size(document.text)


def test_problems_are_limited_but_the_reason_for_stopping_is_kept():
    document = read("[" + "True," * 500 + "{]")
    assert len(document.problems) == 100
    assert document.problems[-1].kind == "syntax"


@given(json_values, indents, st.booleans())
def test_what_is_json_reads_as_json_loads_reads_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    document = read(text)
    assert document.root is not None
    assert document.problems == ()
    assert python_value(document.root) == json.loads(text)


@given(st.text(alphabet="{}[]:,\"'\\/*# \n\tau1eN“", max_size=60))
def test_no_text_raises_and_only_json_is_without_problems(text):
    document = read(text)
    try:
        value = json.loads(text)
    except ValueError:
        assert document.problems
    else:
        kinds = {problem.kind for problem in document.problems}
        assert kinds <= {"duplicate-key", "number"}
        assert document.root is not None
        assert kinds or python_value(document.root) == value


@given(st.binary(max_size=80))
def test_no_bytes_raise(source):
    assert read(source).problems or read(source).root is not None


@given(json_values)
def test_every_node_stands_where_its_span_says(value):
    document = read(json.dumps(value, indent=2))

    def walk(node, inner, path):
        assert json.loads(document.source(node)) == inner
        assert document.path(node.start) == path
        for member in node.members:
            assert json.loads(document.text[member.start : member.end]) == member.key
            assert document.path(member.start) == (*path, member.key)
            walk(member.value, inner[member.key], (*path, member.key))
        for index, element in enumerate(node.elements):
            walk(element, inner[index], (*path, index))

    walk(document.root, value, ())


def test_a_pointer_escapes_as_rfc_6901_says():
    document = read('{"a/b": {"m~n": [0, 1]}}')
    assert document.pointer(document.text.index("1")) == "/a~1b/m~0n/1"


def test_the_size_that_counts_is_without_white_space_between_tokens():
    value = {"a b": ["c  d", {"e": 1}], "ü": '\\"  '}
    minified = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for indent in (None, 2, "\t"):
        assert minified_size(json.dumps(value, indent=indent, ensure_ascii=False)) == len(minified.encode())


# --- editing --------------------------------------------------------------------------------------------------------

INSERTIONS = {
    "own lines": (
        '{\n  "Statement": [\n    {\n      "Sid": "A"\n    }\n  ]\n}\n',
        '{\n  "Statement": [\n    {\n      "Sid": "A"\n    },\n    {\n      "Sid": "B",\n      "Action": [\n        "x"\n      ]\n    }\n  ]\n}\n',
    ),
    "braces on the line of the bracket": (
        '{\n    "Statement": [{\n        "Sid": "A"\n    }]\n}',
        '{\n    "Statement": [{\n        "Sid": "A"\n    }, {\n        "Sid": "B",\n        "Action": [\n            "x"\n        ]\n    }]\n}',
    ),
    "a statement a line": (
        '{\n "Statement": [\n  {"Sid": "A"}\n ]\n}',
        '{\n "Statement": [\n  {"Sid": "A"},\n  {"Sid": "B", "Action": ["x"]}\n ]\n}',
    ),
    "tight": ('{"Statement":[{"Sid":"A"}]}', '{"Statement":[{"Sid":"A"},{"Sid":"B","Action":["x"]}]}'),
    "one line": ('{"Statement": [{"Sid": "A"}]}', '{"Statement": [{"Sid": "A"}, {"Sid": "B", "Action": ["x"]}]}'),
    "empty list": (
        '{\n\t"Statement": []\n}',
        '{\n\t"Statement": [\n\t\t{\n\t\t\t"Sid": "B",\n\t\t\t"Action": [\n\t\t\t\t"x"\n\t\t\t]\n\t\t}\n\t]\n}',
    ),
    "Windows line ends": (
        '{\r\n  "Statement": [\r\n    {\r\n      "Sid": "A"\r\n    }\r\n  ]\r\n}\r\n',
        '{\r\n  "Statement": [\r\n    {\r\n      "Sid": "A"\r\n    },\r\n    {\r\n      "Sid": "B",\r\n      "Action": [\r\n        "x"\r\n      ]\r\n    }\r\n  ]\r\n}\r\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("before, after", INSERTIONS.values(), ids=INSERTIONS.keys())
def test_an_inserted_element_is_written_as_its_neighbours_are(before, after):
    document = read(before)
    edit = insert_element(document, document.root.get("Statement"), {"Sid": "B", "Action": ["x"]})
    assert apply_edits(before, [edit]) == after


@given(json_values, st.lists(json_values, max_size=3), st.integers(0, 3), indents)
def test_inserting_changes_nothing_else(new, values, index, indent):
    document = read(json.dumps(values, indent=indent))
    edited = apply_edits(document.text, [insert_element(document, document.root, new, index)])
    index = min(index, len(values))
    assert json.loads(edited) == [*values[:index], new, *values[index:]]


@given(json_values, st.lists(json_values, min_size=1, max_size=3), indents)
def test_replacing_leaves_what_is_around_it(new, values, indent):
    document = read(json.dumps(values, indent=indent))
    first = document.root.elements[0]
    edited = apply_edits(document.text, [replace(document, first, new)])
    assert json.loads(edited) == [new, *values[1:]]
    assert edited.startswith(document.text[: first.start])
    assert edited.endswith(document.text[first.end :])


@settings(max_examples=20)
@given(st.floats(allow_nan=False))
def test_numbers_beyond_a_float_are_infinite_as_in_json_loads(value):
    assert python_value(read("1e999").root) == math.inf
    assert python_value(read(repr(value) if math.isfinite(value) else "0").root) == (
        value if math.isfinite(value) else 0
    )
