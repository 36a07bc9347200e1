"""The app folds names as the desk does: folding.test.ts of client/web/desk reads the same pairs."""

from __future__ import annotations

import json

import pytest
from tests.web_source import WEB

from qanat_client.desk.folding import fold

PAIRS = json.loads((WEB / "desk" / "test" / "folded.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "folded"), PAIRS)
def test_a_name_is_folded_as_the_app_folds_it(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded
