"""Every rule in the package is in the catalogue, whole, under an ident of its own."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import v7s3
from v7s3.catalogue import RULES
from v7s3.report import Rule


def rules_in_the_package():
    """Every Rule that is a constant of some module, with that module's name."""
    found = {}
    for module in pkgutil.walk_packages(v7s3.__path__, "v7s3."):
        if module.name != "v7s3.__main__" and not module.name.startswith("v7s3.sandbox"):
            values = vars(import_module(module.name)).values()
            found |= {value: module.name for value in values if isinstance(value, Rule)}
    return found


def test_no_rule_is_missing_and_no_ident_is_used_twice():
    found = rules_in_the_package()
    idents = sorted(rule.ident for rule in found)
    assert idents == sorted(set(idents))
    assert {rule.ident: rule for rule in found} == RULES


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_why_it_happens_how_to_mend_it_and_how_to_see_that(rule):
    texts = (rule.title, rule.why, rule.fix, rule.verify, rule.source)
    assert all(text.strip() == text != "" for text in texts)
    assert not rule.title.endswith(".")
    assert rule.ident[:3].isupper()
    assert rule.ident[3:].isdigit()
    assert len(rule.ident) == 6
