"""The media of the demo: a few free photographs, a short video and a DICOM file (sources: examples/media/README.md)."""

from __future__ import annotations

from pathlib import Path


def samples() -> dict[str, bytes]:
    """Key -> content of every sample, in key order."""
    folder = _folder()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _folder() -> Path:
    """Beside this module in an installed package, `examples/media` in a checkout."""
    here = Path(__file__).parent
    installed = here / "media"
    return installed if installed.is_dir() else here.parents[2] / "examples" / "media"
