"""Who may import whom: a law, and a newcomer's map. The longest matching room decides."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "v7s3"

# room -> (third-party packages it may import, rooms it may import)
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "v7s3": (set(), set()),
    "v7s3.__main__": (set(), {"v7s3.cli"}),
    "v7s3.errors": (set(), set()),
    "v7s3.report": (set(), set()),
    "v7s3.access": (set(), {"v7s3.errors", "v7s3.report", "v7s3.bucket", "v7s3.access"}),
    "v7s3.items": (set(), {"v7s3.errors", "v7s3.items"}),
    "v7s3.items.register": (set(), {"v7s3.errors", "v7s3.items", "v7s3.concurrency"}),
    "v7s3.items.objects": (set(), set()),
    "v7s3.items.payload": ({"pydantic", "pydantic_core"}, set()),
    "v7s3.artifacts": (set(), {"v7s3.errors", "v7s3.artifacts"}),
    "v7s3.activation": (set(), {"v7s3.errors", "v7s3.report", "v7s3.darwin", "v7s3.transport"}),
    "v7s3.apikey": ({"pydantic", "yaml"}, {"v7s3.errors"}),
    "v7s3.catalogue": (set(), {"v7s3.access", "v7s3.activation", "v7s3.doctor.rules", "v7s3.report"}),
    "v7s3.concurrency": (set(), set()),
    "v7s3.bucket": (set(), {"v7s3.errors"}),
    "v7s3.aws_errors": ({"boto3", "botocore"}, {"v7s3.errors"}),
    "v7s3.s3": (
        {
            "boto3",
            "botocore",
            "mypy_boto3_s3",
            "mypy_boto3_s3control",
            "mypy_boto3_sts",
            "mypy_boto3_kms",
            "mypy_boto3_sqs",
        },
        {"v7s3.aws_errors", "v7s3.bucket"},
    ),
    "v7s3.events": (set(), {"v7s3.items.objects"}),
    "v7s3.sqs": (
        {"mypy_boto3_sqs"},
        {"v7s3.errors", "v7s3.aws_errors", "v7s3.s3", "v7s3.events", "v7s3.items.objects"},
    ),
    "v7s3.inventory": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.bucket", "v7s3.aws_errors", "v7s3.items.objects", "v7s3.inventory_arrow"},
    ),
    "v7s3.inventory_arrow": ({"pyarrow"}, {"v7s3.errors", "v7s3.items.objects"}),
    "v7s3.keycheck": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.bucket", "v7s3.aws_errors", "v7s3.concurrency", "v7s3.items", "v7s3.listing"},
    ),
    "v7s3.listing": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.bucket", "v7s3.aws_errors", "v7s3.items.objects", "v7s3.listing"},
    ),
    "v7s3.object_tags": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.aws_errors", "v7s3.bucket", "v7s3.concurrency", "v7s3.items.planning", "v7s3.items.tagging"},
    ),
    **dict.fromkeys(
        [f"v7s3.artifacts.{name}" for name in ("decoding", "renditions", "sound")], ({"av"}, {"v7s3.artifacts"})
    ),
    "v7s3.artifacts.stills": ({"av"}, set()),
    "v7s3.artifacts.video": ({"av"}, {"v7s3.errors", "v7s3.artifacts"}),
    "v7s3.artifacts.volumes": (
        {"PIL", "numpy", "nibabel", "pydicom"},
        {"v7s3.errors", "v7s3.artifacts"},
    ),
    "v7s3.artifacts.slots": (set(), {"v7s3.artifacts", "v7s3.items.objects"}),
    "v7s3.artifacts.original": (
        {"mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.aws_errors", "v7s3.artifacts.ranged", "v7s3.items.objects"},
    ),
    "v7s3.artifacts.shelf": ({"botocore", "mypy_boto3_s3"}, {"v7s3.errors", "v7s3.aws_errors"}),
    "v7s3.artifacts.making": (
        {"mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.aws_errors", "v7s3.s3", "v7s3.items", "v7s3.artifacts"},
    ),
    "v7s3.artifacts.crew": ({"distributed"}, {"v7s3.errors", "v7s3.concurrency", "v7s3.artifacts"}),
    "v7s3.artifacts.estimate": ({"av"}, {"v7s3.artifacts"}),
    "v7s3.artifacts.ledger": (set(), {"v7s3.artifacts.keys", "v7s3.items.objects"}),
    "v7s3.artifacts.prepare": (set(), {"v7s3.items", "v7s3.artifacts"}),
    "v7s3.artifacts.clean": (
        {"mypy_boto3_s3"},
        {"v7s3.errors", "v7s3.aws_errors", "v7s3.concurrency", "v7s3.items", "v7s3.listing", "v7s3.artifacts"},
    ),
    "v7s3.artifacts.images": ({"PIL", "pillow_heif"}, {"v7s3.errors", "v7s3.artifacts"}),
    "v7s3.darwin": ({"httpx", "pydantic"}, {"v7s3.errors", "v7s3.transport", "v7s3.items.payload"}),
    "v7s3.transport": ({"httpx"}, {"v7s3.errors"}),
    "v7s3.render": (set(), {"v7s3.report", "v7s3.render"}),
    "v7s3.apply": (set(), {"v7s3.errors"}),
    "v7s3.settings": (set(), {"v7s3.errors"}),
    "v7s3.bucket_policy": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.access", "v7s3.apply", "v7s3.aws_errors"},
    ),
    "v7s3.bucket_cors": (
        {"botocore", "mypy_boto3_s3"},
        {"v7s3.access", "v7s3.apply", "v7s3.aws_errors", "v7s3.errors"},
    ),
    "v7s3.cors_probe": (
        {"httpx", "mypy_boto3_s3"},
        {"v7s3.access", "v7s3.errors", "v7s3.report", "v7s3.s3"},
    ),
    "v7s3.doctor": (
        {"botocore", "mypy_boto3_s3", "mypy_boto3_kms", "mypy_boto3_s3control", "mypy_boto3_sts"},
        {
            "v7s3.access",
            "v7s3.activation",
            "v7s3.aws_errors",
            "v7s3.concurrency",
            "v7s3.cors_probe",
            "v7s3.darwin",
            "v7s3.doctor",
            "v7s3.errors",
            "v7s3.items.payload",
            "v7s3.report",
            "v7s3.s3",
        },
    ),
    "v7s3.doctor.png": (set(), set()),
    "v7s3.doctor.rules": (set(), {"v7s3.report"}),
    "v7s3.doctor.bundle": (set(), {"v7s3.doctor"}),
    # the pure part: from answers to findings
    "v7s3.doctor.contents": (set(), {"v7s3.doctor", "v7s3.report"}),
    "v7s3.doctor.encryption": (set(), {"v7s3.access", "v7s3.doctor", "v7s3.errors", "v7s3.report"}),
    "v7s3.doctor.naming": (set(), {"v7s3.bucket", "v7s3.doctor", "v7s3.report"}),
    "v7s3.doctor.ownership": (set(), {"v7s3.doctor", "v7s3.report"}),
    "v7s3.doctor.public": (set(), {"v7s3.access", "v7s3.doctor", "v7s3.errors"}),
    "v7s3.doctor.sample": (set(), set()),
    "v7s3.doctor.uploads": (set(), {"v7s3.doctor"}),
    "v7s3.sandbox": ({"moto", "werkzeug", "boto3", "botocore"}, {"v7s3.sandbox"}),
    "v7s3.cli": ({"typer", "rich", "platformdirs", "mypy_boto3_s3"}, {"v7s3"}),
}


def room_of(module: str) -> str:
    return max((room for room in LAYERS if module == room or module.startswith(room + ".")), key=len)


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name_of(other) for other in modules()}
            found |= (submodules & known) or {node.module}
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_imports_only_what_its_room_allows(path: Path) -> None:
    room = room_of(name_of(path))
    packages, rooms = LAYERS[room]
    for imported in imports_of(path):
        top = imported.split(".")[0]
        if top == "v7s3":
            allowed = imported == "v7s3" or any(
                imported == other or imported.startswith(other + ".") for other in rooms
            )
            assert allowed or room_of(imported) == room, f"{name_of(path)} must not import {imported}"
        elif top not in sys.stdlib_module_names:
            assert top in packages, f"{name_of(path)} must not import {imported}"


def test_every_permit_is_used() -> None:
    """The map shows ways that are gone: a permit that nobody uses is taken back."""
    used: dict[str, set[str]] = {room: set() for room in LAYERS}
    for path in modules():
        used[room_of(name_of(path))] |= imports_of(path)
    unused = [
        f"{room} → {permit}"
        for room, permits in LAYERS.items()
        for permit in sorted(set.union(*permits))
        if not any(name == permit or name.startswith(permit + ".") for name in used[room])
    ]
    assert unused == []


def test_nothing_imports_the_command_line() -> None:
    for path in modules():
        if not name_of(path).startswith("v7s3.cli") and name_of(path) != "v7s3.__main__":
            assert not any(name.startswith("v7s3.cli") for name in imports_of(path)), path


def test_every_room_exists() -> None:
    names = {name_of(path) for path in modules()}
    assert set(LAYERS) <= names


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    functions = (
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    )
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 60]
    assert long == []
