"""Where our rule goes, and that nothing else moves."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from access.test_cors import configurations, origins
from v7s3.access.cors import CORSConfiguration, CORSRequest, evaluate_cors
from v7s3.access.cors_write import Placement, darwin_rule, mending_command, merge_text, merged, place, spell
from v7s3.access.profile import CORS_RULE_ID
from v7s3.errors import UsageError

DARWIN = "https://darwin.v7labs.com"
OURS = darwin_rule(ident=CORS_RULE_ID)
GUIDE = {"AllowedHeaders": ["*"], "AllowedMethods": ["GET"], "AllowedOrigins": [DARWIN], "ExposeHeaders": []}
EVERYBODY = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
UPLOADS = {"AllowedMethods": ["PUT"], "AllowedOrigins": [DARWIN]}
MINE = {"ID": CORS_RULE_ID, **GUIDE}
OLD = {"ID": CORS_RULE_ID, "AllowedMethods": ["HEAD"], "AllowedOrigins": [DARWIN]}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], Placement("insert", 0)),
        ([UPLOADS], Placement("insert", 1)),
        ([EVERYBODY], Placement("insert", 0)),
        ([UPLOADS, EVERYBODY], Placement("insert", 1)),
        ([MINE], Placement("nothing", 0, 0)),
        ([UPLOADS, MINE, EVERYBODY], Placement("nothing", 1, 1)),
        ([OLD], Placement("replace", 0, 0)),
        ([UPLOADS, OLD, EVERYBODY], Placement("replace", 1, 1)),
        ([EVERYBODY, MINE], Placement("move", 0, 1)),
        ([UPLOADS, EVERYBODY, OLD], Placement("move", 1, 2)),
        ([GUIDE], Placement("nothing", 0)),
        ([{**GUIDE, "AllowedMethods": ["GET", "PUT"]}], Placement("nothing", 0)),
        ([{**GUIDE, "AllowedHeaders": []}], Placement("insert", 0)),
        ([{**GUIDE, "AllowedOrigins": ["https://*.v7labs.com"]}], Placement("nothing", 0)),
    ],
)
def test_our_rule_goes_where_it_takes_effect_and_no_further_to_the_front(rules, expected):
    assert place(CORSConfiguration.parse(rules), OURS) == expected


def test_a_max_age_asked_for_is_not_served_by_a_rule_without_it():
    wanted = darwin_rule(max_age=600, ident=CORS_RULE_ID)
    assert place(CORSConfiguration.parse([GUIDE]), wanted).kind == "insert"
    assert place(CORSConfiguration.parse([{**GUIDE, "MaxAgeSeconds": 600}]), wanted).kind == "nothing"


def test_a_hundred_rules_leave_no_room():
    with pytest.raises(UsageError, match="100 rules"):
        merged([UPLOADS] * 100, OURS)


@given(configurations, st.lists(origins, min_size=1, max_size=2, unique=True))
def test_after_merging_every_origin_is_answered_by_name_and_merging_again_changes_nothing(configuration, wanted):
    rules = configuration.as_api()["CORSRules"]
    ours = darwin_rule(wanted, ident=CORS_RULE_ID)
    result = merged(rules, ours)
    assert merged(result, ours) == result
    for origin in wanted:
        for request in (CORSRequest("actual", origin, "GET"), CORSRequest("preflight", origin, "GET", ["x-any"])):
            decision = evaluate_cors(CORSConfiguration.parse(result), request)
            assert decision.headers["Access-Control-Allow-Origin"] == origin


@given(configurations, st.lists(origins, min_size=1, max_size=2, unique=True), origins)
def test_merging_never_widens_what_others_may_do(configuration, wanted, other):
    assume(other not in wanted)
    assume(all(rule.ID != CORS_RULE_ID for rule in configuration.CORSRules))
    after = CORSConfiguration.parse(
        merged(configuration.as_api()["CORSRules"], darwin_rule(wanted, ident=CORS_RULE_ID))
    )
    for origin, methods in ((other, ("GET", "PUT", "HEAD")), (wanted[0], ("PUT", "HEAD", "DELETE"))):
        for method in methods:
            request = CORSRequest("preflight", origin, method, ["range"])
            assert evaluate_cors(after, request).headers == evaluate_cors(configuration, request).headers


@given(configurations)
def test_the_other_rules_are_the_same_objects_in_the_same_order(configuration):
    rules = configuration.as_api()["CORSRules"]
    rest = [rule for rule in merged(rules, OURS) if rule.get("ID") != CORS_RULE_ID]
    assert [id(rule) for rule in rest] == [id(rule) for rule in rules]


@given(configurations, st.sampled_from(["console", "api", "xml"]))
def test_merging_a_text_and_merging_its_rules_are_the_same(configuration, form):
    text = spell(configuration, form)
    read = CORSConfiguration.parse(merge_text(text, OURS))
    assert read == CORSConfiguration.parse(merged(configuration.as_api()["CORSRules"], OURS))


CONSOLE = """[
\t{ "AllowedOrigins": ["https://a.example"],
\t  "AllowedMethods": ["PUT" ,"POST"] },
\t{ "AllowedMethods":["GET"], "AllowedOrigins":["*"]  }
]"""


def test_every_other_byte_of_the_text_stays():
    start, end = CONSOLE.split('\t{ "AllowedMethods":[', 1)
    result = merge_text(CONSOLE, OURS)
    assert result.startswith(start)
    assert result.endswith('{ "AllowedMethods":[' + end)
    assert [rule.ID for rule in CORSConfiguration.parse(result).CORSRules] == [None, CORS_RULE_ID, None]


XML = """<?xml version="1.0" encoding="UTF-8"?>
<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <!-- ours -->
    <CORSRule>
        <AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>
    </CORSRule>
    <CORSRule><AllowedOrigin>é*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>
</CORSConfiguration>
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_other_byte_of_the_xml_stays(newline):
    text = XML.replace("\n", newline)
    result = merge_text(text, OURS)
    added = (
        "\n    <CORSRule>\n      <ID>v7-darwin</ID>\n      <AllowedHeader>*</AllowedHeader>\n"
        f"      <AllowedMethod>GET</AllowedMethod>\n      <AllowedOrigin>{DARWIN}</AllowedOrigin>\n    </CORSRule>"
    ).replace("\n", newline)
    at = text.rindex("</CORSRule>") + len("</CORSRule>")
    assert result == text[:at] + added + text[at:]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<CORSConfiguration><!-- asked for by web -->", "</CORSConfiguration>"),
        ('<?xml version="1.0"?>\n<CORSConfiguration note="a > b">', "</CORSConfiguration>\n<!-- end -->"),
    ],
)
def test_what_stands_in_an_xml_without_rules_stays(before, after):
    merged = merge_text(before + after, OURS)
    assert (merged.startswith(before), merged.endswith(after)) == (True, True)
    assert CORSConfiguration.parse(merged).CORSRules == (OURS,)


def test_our_old_rule_is_replaced_in_its_place_in_the_xml():
    text = spell(CORSConfiguration.parse([UPLOADS, OLD, EVERYBODY]), "xml")
    assert merge_text(text, OURS) == spell(CORSConfiguration.parse([UPLOADS, MINE, EVERYBODY]), "xml")


@pytest.mark.parametrize("form", ["console", "api", "xml"])
def test_our_rule_moves_in_front_of_the_one_that_shadows_it(form):
    text = spell(CORSConfiguration.parse([UPLOADS, EVERYBODY, MINE, UPLOADS]), form)
    moved = CORSConfiguration.parse(merge_text(text, OURS))
    assert moved == CORSConfiguration.parse([UPLOADS, MINE, EVERYBODY, UPLOADS])


def test_what_stands_before_our_rule_in_the_xml_stays_when_it_moves():
    rules = spell(CORSConfiguration.parse([EVERYBODY, MINE, UPLOADS]), "xml")
    start, theirs = rules.index("  <CORSRule>\n    <ID>"), "  <!-- keep: ticket 42 -->\n"
    text = rules[:start] + theirs + rules[start:]
    moved = spell(CORSConfiguration.parse([MINE, EVERYBODY, UPLOADS]), "xml")
    after_everybody = moved.index("</CORSRule>\n", moved.index(">*</AllowedOrigin>")) + len("</CORSRule>\n")
    assert merge_text(text, OURS) == moved[:after_everybody] + theirs + moved[after_everybody:]


@pytest.mark.parametrize(
    "rule", ["<CORSRule/>", "<CORSRule />", "<CORSRule></CORSRule>", "<CORSRule><ID/></CORSRule>", "<CORSRule>/></CORSRule>"]
)  # fmt: skip
def test_an_empty_element_ends_where_it_ends(rule):
    before, after = "<CORSConfiguration>", "</CORSConfiguration>"
    merged = merge_text(f"{before}{rule}{after}", OURS)
    assert (merged.startswith(before + rule), merged.endswith(f"</CORSRule>{after}")) == (True, True)
    assert CORSConfiguration.parse(merged).CORSRules[1:] == (OURS,)


@pytest.mark.parametrize("ending", ["/>", "></s:CORSConfiguration>", "><s:CORSRule/></s:CORSConfiguration>"])
def test_our_rule_is_in_the_namespace_of_the_others(ending):
    merged = merge_text(f'<s:CORSConfiguration xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"{ending}', OURS)
    names = [element.tag for element in ET.fromstring(merged).iter()]
    assert all(name.startswith("{http://s3.amazonaws.com/doc/2006-03-01/}") for name in names)
    assert CORSConfiguration.parse(merged).CORSRules[-1] == OURS


@pytest.mark.parametrize(
    ("rules", "origins", "command"),
    [
        ([], [DARWIN], "apply"),
        ([GUIDE], ["https://a.example"], "apply --origin https://a.example"),
        ([MINE], [DARWIN], "apply"),
        ([UPLOADS, MINE], ["https://a.example"], f"apply --origin {DARWIN} --origin https://a.example"),
        ([{**MINE, "AllowedOrigins": ["https://*.a", f"{DARWIN}/"]}], [DARWIN], "apply"),
    ],
)
def test_the_command_that_mends_keeps_what_our_rule_lets_in(rules, origins, command):
    assert mending_command("apply", CORSConfiguration.parse(rules), origins) == command


@pytest.mark.parametrize("text", ["[", "{}", "5", '[{"AllowedMethods": ["GET"],}]', "<a/>", '{"Statement": []}'])
def test_a_text_whose_meaning_is_a_guess_is_not_merged(text):
    with pytest.raises(UsageError, match="cannot be merged as it is"):
        merge_text(text, OURS)


def test_write_spells_the_guides_rule():
    assert json.loads(spell(CORSConfiguration((darwin_rule(),)), "console")) == [GUIDE]
    assert json.loads(spell(CORSConfiguration((darwin_rule(),)), "api")) == {"CORSRules": [GUIDE]}
