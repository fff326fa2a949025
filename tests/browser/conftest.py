"""What the pages showed when a browser test failed is printed with the failure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

MOST = 1500
"""Characters of each page."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report: Any = yield
    chromium = getattr(item, "funcargs", {}).get("chromium")
    if report.failed and call.when == "call" and chromium is not None:
        pages = [page for context in chromium.contexts for page in context.pages]
        for page in pages:
            report.sections.append((f"Page {page.url}", page.inner_text("body")[:MOST]))
    return report
