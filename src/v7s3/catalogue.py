"""Every rule there is, collected from the rooms that find them. `v7s3 explain` reads it, offline and fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3 import activation
from v7s3.access import cors_rules, policy_rules
from v7s3.doctor import rules as doctor_rules

if TYPE_CHECKING:
    from v7s3.report import Rule

RULES: dict[str, Rule] = {
    rule.ident: rule
    for room in (doctor_rules, policy_rules, cors_rules, activation)
    for rule in sorted(room.RULES, key=lambda rule: rule.ident)
}
