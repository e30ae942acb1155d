"""The template in examples/arrivals stands up to AWS's own schema, and its rule lets no written-back object through."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

TEMPLATE = Path(__file__).parent.parent / "examples" / "arrivals" / "cloudformation.yaml"


class _Template(yaml.SafeLoader):
    """CloudFormation's YAML: `!Ref Name` is read as Name."""


_Template.add_multi_constructor("!", lambda _, __, node: node.value)


@pytest.mark.slow
def test_the_template_is_valid():
    from cfnlint import lint

    assert [str(problem) for problem in lint(TEMPLATE.read_text())] == []  # errors and warnings, no advice


@pytest.mark.parametrize(
    ("key", "arrives"),
    [("raw/1.jpg", True), ("darwin/1/thumbnail.jpg", False), ("v7s3/1.jpg", False), ("darwin", True)],
)
def test_what_v7_writes_back_does_not_arrive(key, arrives):
    from moto.events.models import EventPattern

    template = yaml.load(TEMPLATE.read_text(), _Template)
    pattern = template["Resources"]["NewObjects"]["Properties"]["EventPattern"]
    [excluded] = pattern["detail"]["object"]["key"]
    prefixes = [template["Parameters"][one]["Default"] for one in excluded["anything-but"]["prefix"]]
    # moto knows anything-but prefix for one prefix at a time; together they are AWS's list.
    rules = [EventPattern.load(f'{{"key": [{{"anything-but": {{"prefix": "{prefix}"}}}}]}}') for prefix in prefixes]
    assert all(rule.matches_event({"key": key}) for rule in rules) is arrives
