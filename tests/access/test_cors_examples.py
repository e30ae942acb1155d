"""examples/cors: what is in good/ passes without a word, what is in bad/ is caught by the rule its name begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "cors"
GOOD = sorted((EXAMPLES / "good").iterdir())
BAD = sorted((EXAMPLES / "bad").iterdir())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_good_example_passes(v7s3, path):
    code, out, _ = v7s3("cors", "check", "--cors-file", path)
    assert code == 0
    assert out.startswith("[ok]    cors  ")
    assert "warning" not in out


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_bad_example_is_caught(v7s3, path):
    ident = path.name.partition("-")[0]
    _, out, _ = v7s3("cors", "check", "--cors-file", path)
    assert out.startswith(("[FAIL]", "[warn]"))
    assert f"    {ident}  " in out


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_what_can_be_merged_lets_darwin_in(v7s3, path, tmp_path):
    code, merged, err = v7s3("cors", "write", "--merge", path)
    if code:
        assert code == 2
        assert "cannot be merged as it is" in err
        return
    mended = tmp_path / "mended.json"
    mended.write_text(merged)
    _, out, _ = v7s3("cors", "check", "--cors-file", mended)
    assert "https://darwin.v7labs.com may GET (rule " in out
