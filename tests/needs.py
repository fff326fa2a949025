"""What some tests need beyond Python. Missing here: the test is skipped by name with the line that installs it; in CI: a failure."""

import functools
import os
import shutil

import pytest

IN_CI = bool(os.environ.get("CI"))


def missing(what: str, install: str) -> None:
    """Skip the running test, or fail it in CI, where nothing may be skipped."""
    message = f"needs {what}: {install}"
    if IN_CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def chromium() -> str:
    """Return the path of a Chromium."""
    path = os.environ.get("ZHANGGUI_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium", "apt-get install chromium fonts-noto-cjk")
    return str(path)


CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@functools.cache
def postgresql_url() -> str:
    """Return the address of an empty database server this user may make databases on."""
    url = os.environ.get("ZHANGGUI_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
    import psycopg

    try:
        psycopg.connect(url.replace("+psycopg", ""), connect_timeout=30).close()
    except psycopg.OperationalError:
        missing("PostgreSQL on 127.0.0.1:5432 (or ZHANGGUI_TEST_POSTGRESQL)", "apt-get install postgresql")
    return url
