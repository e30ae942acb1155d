"""The two linters: text in, findings with places out. They never raise, whatever the text is."""

from __future__ import annotations

from v7s3.access.cors_lint import lint_cors
from v7s3.access.policy_lint import lint_policy

__all__ = ["lint_cors", "lint_policy"]
