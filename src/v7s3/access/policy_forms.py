"""One policy in the words of each tool: JSON for the console, Terraform, CloudFormation.

Both templates hold the very document, so that what is applied is what was checked.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

Form = Literal["json", "terraform", "cloudformation"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def spell_json(value: Any) -> str:
    """JSON as the console's editor shows it, with lists of texts on one line as the guide has them."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r'\[\s+("(?:[^"\\\n]|\\.)*"(?:,\s+"(?:[^"\\\n]|\\.)*")*)\s+\]', _on_one_line, text)


def _on_one_line(match: re.Match[str]) -> str:
    joined = re.sub(r",\s*\n\s*", ", ", match[1])
    line = f"[{joined}]"
    return line if len(line) <= 80 else match[0]


def spell_policy(policy: Any, bucket: str, form: Form) -> str:
    """A bucket policy as JSON, as a Terraform resource, or as a CloudFormation template."""
    if form == "terraform":
        document = _hcl(policy, "  ")
        return (
            'resource "aws_s3_bucket_policy" "v7_darwin" {\n'
            f"  bucket = {_hcl_text(bucket)}\n"
            f"  policy = jsonencode({document})\n"
            "}"
        )
    if form == "cloudformation":
        return (
            "Resources:\n"
            "  V7DarwinBucketPolicy:\n"
            "    Type: AWS::S3::BucketPolicy\n"
            "    Properties:\n"
            f"      Bucket: {json.dumps(bucket)}\n"
            f"      PolicyDocument:\n{_yaml(policy, '        ')}"
        )
    return spell_json(policy)


def spell_statement(statement: Any, form: Form) -> str:
    """One statement, to be put into a document of that form."""
    if form == "terraform":
        return _hcl(statement, "")
    return "- " + _yaml(statement, "  ").lstrip() if form == "cloudformation" else spell_json(statement)


def _hcl(value: Any, indent: str) -> str:
    """A value of Terraform's expression language: https://developer.hashicorp.com/terraform/language/expressions/types."""
    inner = f"{indent}  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        names = {name: name if _IDENTIFIER.fullmatch(name) else _hcl_text(name) for name in value}
        width = max(map(len, names.values()))
        lines = [f"{inner}{names[name]:<{width}} = {_hcl(each, inner)}" for name, each in value.items()]
        return "\n".join(["{", *lines, f"{indent}}}"])
    if isinstance(value, list):
        if all(not isinstance(each, dict | list) for each in value):
            return f"[{', '.join(_hcl(each, inner) for each in value)}]"
        lines = [f"{inner}{_hcl(each, inner)}," for each in value]
        return "\n".join(["[", *lines, f"{indent}]"])
    return _hcl_text(value) if isinstance(value, str) else json.dumps(value)


def _hcl_text(text: str) -> str:
    """`${` and `%{` begin templates in Terraform; doubled, they are the characters themselves."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _yaml(value: Any, indent: str) -> str:
    """A non-empty object or list as a YAML block whose lines begin with `indent`; every text is quoted."""
    lines = []
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    for name, each in items:
        lead = f"{indent}- " if name is None else f"{indent}{_yaml_key(name)}:"
        if isinstance(each, dict | list) and each:
            block = _yaml(each, f"{indent}  ")
            lines.append(f"{lead}{block.lstrip()}" if name is None else f"{lead}\n{block}")
        else:
            lines.append(f"{lead}{'' if name is None else ' '}{json.dumps(each, ensure_ascii=False)}")
    return "\n".join(lines)


def _yaml_key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name, ensure_ascii=False)
