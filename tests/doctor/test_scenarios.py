"""`v7s3 doctor` on buckets that are broken in one way each, and the whole of what it says about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor.scenarios import EXIT_CODES, World

EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture
def world(s3, bucket, darwin, owner, kms, environment, monkeypatch):
    return World(s3, bucket, darwin, owner, kms, monkeypatch)


@pytest.mark.parametrize("scenario", EXIT_CODES, ids=lambda scenario: scenario.__name__)
def test_the_report_names_what_was_broken(scenario, world, doctor):
    scenario(world)
    code, out, err = doctor()
    assert out == (EXPECTED / f"{scenario.__name__}.txt").read_text(encoding="utf-8")
    assert (code, err) == (EXIT_CODES[scenario], "")


def test_every_expected_report_has_its_scenario():
    assert {path.stem for path in EXPECTED.iterdir()} == {scenario.__name__ for scenario in EXIT_CODES}
