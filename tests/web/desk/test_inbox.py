"""The inbox on the screen: the list, the search, the keys, what comes in while one reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, editing
from tests.web.desk.night import fall

from qanat_client.web_app.files import AppFile


async def test_an_editor_opens_the_link_and_reads_what_came_overnight(
    newsroom: Newsroom, desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        assert editor.page.url == f"{editor.window.address}/"
        await editor.open("Задержания на рынке")
        await expect(editor.report).to_contain_text("среди них подросток")
        await expect(editor.report).to_contain_text(WORDS["basis.seen"])
        assert editor.browser.strangers(editor.window.address) == []
        assert editor.browser.complaints == []
