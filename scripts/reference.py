"""Writes `docs/reference/{settings,commands,tables,routes}.md` from the code; `--check` only says what is stale."""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.messages import EventName
from scripts.words import GUARDS, ROUTES, TABLES

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written from the code. Change the code, then run: uv run python -m scripts.reference -->"
NAME = "NAME"


def main() -> int:
    """Write the pages, or with `--check` compare them. Return 1 if any differs."""
    pages = {"settings": settings, "commands": commands, "tables": tables, "routes": routes}
    stale = []
    for name, page in pages.items():
        path = REFERENCE / f"{name}.md"
        text = page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    done = "is out of date; run: uv run python -m scripts.reference" if "--check" in sys.argv else "written"
    for file in stale:
        sys.stdout.write(f"{file} {done}\n")
    return int("--check" in sys.argv and bool(stale))


def page_of(title: str, intro: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE, intro.strip(), *parts]) + "\n"


def table_of(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --- settings ------------------------------------------------------------------------------------------------------
def settings() -> str:
    """Return the page of every key of shop.toml."""
    from bot.sections import Secret
    from bot.settings import Settings

    intro = f"""
One file, `shop.toml` in the shop's folder, read once at the start. An unknown or wrong key is an error that names the
nearest right one. `ZHANGGUI_SECTION__KEY=value` in the environment overrides a single key, e.g.
`ZHANGGUI_SERVER__PORT=9000` or `ZHANGGUI_STORE__URL=postgresql+psycopg://user@host/name`; so do the channels:
`ZHANGGUI_CHANNELS__TELEGRAM__SHOPBOT__MODE=webhook`.

A **secret** never stands in the file itself. It is one of:

{table_of(("Key", "Meaning"), [(f"`{name}`", one_line(f.description)) for name, f in Secret.model_fields.items()])}

written as `token = {{ env = "TELEGRAM_TOKEN" }}` or `token = {{ file = "data/telegram-token" }}`.
"""
    return page_of("Settings", intro, _sections(Settings, ""))


def _sections(model: type[BaseModel], name: str) -> Iterator[str]:
    from bot.sections import Secret

    rows = []
    for key, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None or inner is Secret:
            rows.append((f"`{key}`", _kind(field), _default(field), one_line(field.description)))
            continue
        below = f"{name}.{key}" if name else key
        yield from _sections(inner, f"{below}.{NAME}" if _is_mapping(field.annotation) else below)
    if rows or NAME in name:
        table = table_of(("Key", "Kind", "Default", "Meaning"), rows)
        yield f"## `[{name}]`\n\n{table}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _kind(field: FieldInfo) -> str:
    from bot.sections import Secret

    annotation = field.annotation
    if get_origin(annotation) is UnionType:
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    signs = (("ge", "from"), ("le", "to"))
    bounds = [f"{word} {getattr(m, sign)}" for m in field.metadata for sign, word in signs if hasattr(m, sign)]
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{value}"`' for value in get_args(annotation))
    if get_origin(annotation) is tuple and get_origin(get_args(annotation)[0]) is Literal:
        return "list of " + ", ".join(f'`"{value}"`' for value in get_args(get_args(annotation)[0]))
    if _is_mapping(annotation):
        return 'text by language: `{ zh = "…", en = "…" }`'
    names: dict[Any, str] = {
        str: "text",
        int: "whole number",
        bool: "true or false",
        time: "time",
        Secret: "secret",
        tuple[str, ...]: "list of texts",
    }
    return " ".join([names[annotation], *bounds])


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) in (dict, Mapping)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default()
    if isinstance(value, BaseModel):
        said = ", ".join(f'{k} = "{v}"' for k, v in value.model_dump(mode="json", exclude_none=True).items())
        return f"`{{ {said} }}`"
    if isinstance(value, Mapping) and value:
        return "`{ " + ", ".join(f'{k} = "{v}"' for k, v in value.items()) + " }`"
    if isinstance(value, tuple) and field.annotation == tuple[EventName, ...]:
        return "all of them"
    if value is None or (not value and not isinstance(value, int)):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


# --- commands ------------------------------------------------------------------------------------------------------
def commands() -> str:
    """Return the page of every command with its arguments and options."""
    from typer.main import get_command

    from bot.cli import app

    intro = """
Data goes to stdout, talk to stderr. Exit 0: done; 1: a fault was found; 2: it could not be tried. `--json` prints data
for programs. A known error is one line; `ZHANGGUI_DEBUG=1` shows where it came from. `ZHANGGUI_DIR` takes the place
of `--dir`. In a checkout put `uv run` before each command.
"""
    return page_of("Commands", intro, _command_pages(get_command(app), "zhanggui"))


def _command_pages(command: Any, path: str) -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command_pages(inner, f"{path} {name}")
    if getattr(command, "commands", None):
        return
    rows = [_parameter(p) for p in command.params]
    usage = " ".join([path, *(usage for usage, _ in rows)])
    listed = table_of(("Name", "Default", "Meaning"), [row for _, row in rows])
    parts = [f"## `{path}`", one_line(command.help), f"```text\n{usage}\n```", *([listed] if rows else [])]
    yield "\n\n".join(parts)


def _parameter(parameter: Any) -> tuple[str, tuple[str, str, str]]:
    from typer.core import TyperArgument

    value = parameter.name.upper()
    default = "" if parameter.default in (None, False) else f"`{parameter.default}`"
    if parameter.required:
        default = "required"
    if isinstance(parameter, TyperArgument):
        return value if parameter.required else f"[{value}]", (f"`{value}`", default, one_line(parameter.help))
    flag = bool(parameter.is_flag)
    spelled = ", ".join(f"`{option}`" for option in parameter.opts)
    shortest = parameter.opts[0] if flag else f"{parameter.opts[0]} {value}"
    return f"[{shortest}]", (spelled if flag else f"{spelled} `{value}`", default, one_line(parameter.help))


# --- tables --------------------------------------------------------------------------------------------------------
def tables() -> str:
    """Return the page of every table with its columns."""
    from bot.store.tables import metadata

    store = ROOT / "bot" / "store"
    comments = (
        _comments(store / "tables.py") | _comments(store / "shop_tables.py") | _comments(store / "safety_tables.py")
    )
    intro = """
The same on SQLite and PostgreSQL. Times are kept in UTC, money in minor units (分, cents). `zhanggui db upgrade`
brings a database to this version; `zhanggui serve` does so when it starts.
"""
    return page_of("Tables", intro, [_table(table, comments) for table in metadata.tables.values()])


def _table(table: Any, comments: dict[tuple[str, str], str]) -> str:
    rows = []
    for column in table.columns:
        notes = "; ".join(_column_notes(column, comments.get((table.name, column.name), "")))
        rows.append((f"`{column.name}`", _sql_kind(column), "" if column.nullable else "yes", notes))
    unique = [c for c in table.constraints if type(c).__name__ == "UniqueConstraint" and len(c.columns) > 1]
    lines = [f"Unique together: {', '.join(f'`{column.name}`' for column in c.columns)}." for c in unique]
    shape = table_of(("Column", "Kind", "Needed", "Notes"), rows)
    return "\n\n".join([f"## `{table.name}`", TABLES[table.name], shape, *lines])


def _sql_kind(column: Any) -> str:
    from bot.store.tables import Utc

    return "TIME" if isinstance(column.type, Utc) else str(column.type)


def _column_notes(column: Any, comment: str) -> Iterator[str]:
    if column.primary_key:
        yield "primary key"
    if column.unique:
        yield "unique"
    for key in column.foreign_keys:
        yield f"→ `{key.column.table.name}.{key.column.name}`"
    if column.default is not None and column.default.is_scalar and column.default.arg not in ("", 0):
        yield f"default `{column.default.arg}`"
    if comment:
        yield comment


def _comments(file: Path) -> dict[tuple[str, str], str]:
    """Return (table, column) → the comment behind the column, or on lines of its own below it."""
    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")
    found: dict[tuple[str, str], str] = {}
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Table"):
            continue
        for column in node.args:
            if isinstance(column, ast.Call) and getattr(column.func, "id", "") == "Column":
                last = column.end_lineno or column.lineno
                words = [lines[last - 1].partition("  # ")[2]]
                while lines[last].strip().startswith("# "):
                    words.append(lines[last].strip().removeprefix("# "))
                    last += 1
                table, name = (ast.literal_eval(call.args[0]) for call in (node, column))
                found[table, name] = " ".join(filter(None, words)).strip()
    return found


# --- routes --------------------------------------------------------------------------------------------------------
def routes() -> str:
    """Return the page of every web route of `zhanggui serve`, for a shop with one channel of each kind."""
    intro = """
What `zhanggui serve` answers, for a shop with one channel of each kind; `{name}` is the channel's name in shop.toml.
Everything is on one port (`server.port`). With `--role web` there are all of these but `/console/`, with
`--role console` only `/console/`, and with `--role worker` neither; `/livez`, `/readyz` and `/metrics` are in every
role. The demo adds its own page at `/`, its controls under `/demo/`, and the
stand-in platforms under `/twin/`; those exist nowhere else and answer this machine only.
"""
    rows = [
        (f"`{methods}`", f"`{path}`", GUARDS[path], ROUTES[methods, path])
        for methods, path in sorted(_served(), key=lambda r: r[::-1])
    ]
    return page_of("Routes", intro, [table_of(("Method", "Path", "Who may", "What"), rows)])


def _served() -> set[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as place:
        shopkeeper = shop_with_everything(Path(place), "sqlite://")
    return set(served_by(shopkeeper.web.routes, ""))


def shop_with_everything(folder: Path, url: str) -> Any:
    """Return a shop with one channel of each kind and every optional door open, in an empty folder.

    Args:
        url: of its database.
    """
    from bot.app import Shopkeeper
    from bot.clock import SystemClock, new_id
    from bot.settings import parse_settings
    from bot.store.database import Database

    mind: Any = None  # it answers nothing here
    for name in ("secret", "api-key", "token", "key"):
        (folder / name).write_text(f"1:{'k' * 41}", encoding="utf-8")
    (folder / "data").mkdir()
    for name in ("secret", "api-key"):
        (folder / "data" / name).write_text("k" * 43, encoding="utf-8")
    (folder / "key").write_text("k" * 43, encoding="utf-8")
    token, key = {"file": "token"}, {"file": "key"}
    channels = {
        "web": {NAME: {}},
        "telegram": {NAME: {"token": token, "webhook_secret": key, "mode": "webhook"}},
        "wechat": {NAME: {"app_id": "wx1", "app_secret": key, "token": key, "aes_key": key}},
        "miniprogram": {NAME: {"app_id": "wx2", "app_secret": key, "token": key, "aes_key": key}},
        "kf": {NAME: {"corp_id": "ww1", "secret": key, "open_kfid": "wk1", "token": key, "aes_key": key}},
        "wecom": {NAME: {"corp_id": "ww1", "secret": key}},
    }
    sign_on = {"issuer": "https://accounts.example.com", "client_id": "shop", "client_secret": key}
    written = {"shop": {"name": {"zh": "店", "en": "Shop"}}, "channels": channels, "agents": {"sso": sign_on}}
    settings = parse_settings(written, "shop.toml")
    return Shopkeeper(folder, settings, SystemClock(), new_id, Database(url), mind)


def served_by(found: Iterable[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Return method and path of each route, with `{name}` for the channel's."""
    for route in found:
        included = getattr(route, "original_router", None)
        if included is not None:  # how FastAPI keeps `include_router` in its newer versions
            yield from served_by(included.routes, prefix)
            continue
        path = (prefix + route.path).replace(f"/{NAME}", "/{name}")
        if getattr(route, "methods", None):
            yield from ((method, path) for method in route.methods if method != "HEAD")
        elif path.startswith("/console"):  # NiceGUI has pages and files of its own below
            yield "GET", f"{path}/"
        else:
            yield from served_by(route.routes, prefix + route.path)


if __name__ == "__main__":
    sys.exit(main())
