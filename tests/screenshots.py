"""Draw the README's terminal pictures anew: `uv run python tests/screenshots.py`. The commands are run for real."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parent.parent / "examples" / "screenshots"


def draw(title: str, output: str, path: Path) -> None:
    """One terminal window with this text, its colours included."""
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(output))
    svg = console.export_svg(title=title)
    # The picture loads nothing from anywhere: a viewer without Fira Code takes its own monospaced font.
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


def demo() -> str:
    """What `v7s3 demo` prints, from the registration on."""
    environment = {**os.environ, "COLUMNS": "110"}
    done = subprocess.run(
        [sys.executable, "-m", "v7s3", "demo"], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout[done.stdout.index("3. Register") :]


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    draw("v7s3 demo", demo(), PICTURES / "demo.svg")
