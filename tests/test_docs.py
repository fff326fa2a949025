"""What the pages say is true: commands parse, links lead somewhere, reference pages are what the code is now."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import BaseModel
from typer.main import get_command

from bot.brain import read_mind
from bot.cli import app
from bot.clock import SystemClock
from bot.demo.shop import demo_settings
from bot.sections import Secret
from bot.settings import Settings
from bot.starter import starter_folder
from bot.store.tables import metadata
from connectors.twin.telegram import TelegramTwin
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_acts import acts_of
from connectors.twin.wechat_kinds import MINI_PROGRAM
from connectors.twin.wecom import WeComTwin

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("connectors/*/README.md")),
]
REFERENCE = ROOT / "docs" / "reference"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
NOT_OURS = {".venv", "build", "dist", "node_modules", "demo-data"}
MAX_LINES = 500
MAX_PICTURE_BYTES = 400_000


def sources(*endings: str) -> list[Path]:
    """Every file of the project with one of `endings`, without what tools made."""
    inside = [path for path in ROOT.iterdir() if path.name not in NOT_OURS and not path.name.startswith(".")]
    files = [file for path in inside for file in (path.rglob("*") if path.is_dir() else [path])]
    return [file for file in files if file.suffix in endings and "__pycache__" not in file.parts]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


# --- the reference ---------------------------------------------------------------------------------------------------
def test_the_reference_pages_are_what_the_code_is_now() -> None:
    command = [sys.executable, "-m", "scripts.reference", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def settings_of(model: type[BaseModel], section: str) -> Iterator[tuple[str, str]]:
    for key, field in model.model_fields.items():
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel) and k is not Secret), None)
        if inner is None:
            yield section, key
        else:
            named = ".NAME" if get_origin(field.annotation) in (dict, Mapping) else ""
            yield from settings_of(inner, f"{section}.{key}{named}".strip("."))


def test_every_setting_is_explained_in_its_section() -> None:
    sections = dict(
        re.findall(
            r"^## `\[(.+?)\]`\n(.*?)(?=^## |\Z)",
            (REFERENCE / "settings.md").read_text("utf-8"),
            re.DOTALL | re.MULTILINE,
        )
    )
    rows = {(s, k): m.group(1) for s, text in sections.items() for k in re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
            if (m := re.search(rf"^\| `{k}` \|.*\| (.*) \|$", text, re.MULTILINE))}  # fmt: skip
    expected = set(settings_of(Settings, ""))
    assert set(rows) == expected
    assert [place for place, meaning in rows.items() if not meaning.strip()] == []


def commands_of(command: Any, path: tuple[str, ...] = ("zhanggui",)) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        yield from commands_of(one, (*path, name))
    if not inner:
        yield " ".join(path), command


@pytest.mark.parametrize(
    ("name", "command"), [pytest.param(*found, id=found[0]) for found in commands_of(get_command(app))]
)
def test_every_command_is_explained_with_its_arguments_and_options(name: str, command: Any) -> None:
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    part = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    assert command.help
    assert " ".join(command.help.split()) in part
    for parameter in command.params:
        shown = parameter.opts if parameter.opts[0].startswith("-") else [parameter.name.upper()]
        assert all(f"`{option}`" in part for option in shown)
        assert parameter.help, f"{name}: {parameter.name} has no help"


def test_every_table_and_column_is_named() -> None:
    page = (REFERENCE / "tables.md").read_text(encoding="utf-8")
    for table in metadata.tables.values():
        part = page.partition(f"## `{table.name}`\n")[2].partition("\n## ")[0]
        assert {f"`{column.name}`" for column in table.columns} <= set(
            re.findall(r"^\| (`\w+`)", part, re.MULTILINE)
        ), table.name


def test_every_route_of_a_connector_is_named() -> None:
    page = (REFERENCE / "routes.md").read_text(encoding="utf-8")
    written = {path.replace("{name}", "NAME") for path in re.findall(r"^\| `\w+` \| `(.+?)`", page, re.MULTILINE)}
    source = "".join(file.read_text("utf-8") for file in sorted((ROOT / "connectors").glob("*/connector.py")))
    own = {
        "webhook",
        "callback",
        *re.findall(r'Route\("/(\w+)"', source),
        *re.findall(r'"(\w+\.(?:js|css|svg))"', source),
    }
    assert own <= {path.rpartition("/")[2] for path in written}
    assert {"/livez", "/readyz", "/metrics", "/api/shop/events", "/console/"} <= written


def control_routes(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (platform, what comes after `control/`) of every control route of a stand-in."""
    for route in routes:
        path = f"{prefix}{route.path}"
        if getattr(route, "methods", None) is None:
            yield from control_routes(getattr(route, "routes", None) or (), path)
        elif "/control/" in path:
            platform, _, rest = path.partition("/control/")
            yield platform.strip("/"), rest.partition("/")[0]


def test_every_control_route_of_a_stand_in_is_named_and_no_other() -> None:
    page = (ROOT / "docs" / "how-to" / "test-with-the-twins.md").read_text(encoding="utf-8")
    clock, key = SystemClock(), "k" * 43
    official = WeChatTwin("wx1", "secret", "token", key, "", [], "", clock)
    company = WeComTwin("ww1", 1, "secret", "token", key, "", [], [], [], clock)
    routes = [*TelegramTwin("1:token", "bot", [], [], clock).routes, *official.routes, *company.routes]
    real = set(control_routes(routes))
    real |= {("wechat", name) for name in acts_of(MINI_PROGRAM)}
    parts = re.findall(r"^### .*?`/(\w+)/control/…`.*?$(.*?)(?=^### |\Z)", page, re.DOTALL | re.MULTILINE)
    cells = [
        (platform, cell) for platform, part in parts for cell in re.findall(r"^\| ([^|]*`[^|]*) \|", part, re.MULTILINE)
    ]
    named = {(platform, name) for platform, cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == real - {("telegram", "picture")}  # the panel's own


# --- the pages -------------------------------------------------------------------------------------------------------
def test_both_readmes_count_what_comes_with_it() -> None:
    starter = read_mind(starter_folder(), demo_settings()).knowledge
    entries, intents = len(starter.entries) // 2, len(starter.intents)
    said = {
        "README.md": f"{entries} entries and {intents} intents",
        "README.zh-CN.md": f"{entries} 个条目、{intents} 个意图",
    }
    for name, words in said.items():
        assert words in (ROOT / name).read_text(encoding="utf-8"), name


def test_both_readmes_have_the_same_headings_commands_pictures_and_links() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in (ENGLISH, CHINESE))

    def shape(text: str) -> list[str]:
        return re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)

    def rows(text: str) -> int:
        return len(re.findall(r"^\|", text, re.MULTILINE))

    assert shape(english) == shape(chinese)
    assert FENCE.findall(english) == FENCE.findall(chinese)
    assert rows(english) == rows(chinese)
    other = {"README.md": "README", "README.zh-CN.md": "README"}
    assert [other.get(link, link) for link in LINK.findall(english)] == [
        other.get(link, link) for link in LINK.findall(chinese)
    ]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, link


def test_every_page_of_the_docs_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    reached = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in LINK.findall(index)}
    assert {page for page in PAGES if "docs" in page.parts and page.name != "index.md"} <= reached


def command_lines(page: Path) -> Iterator[tuple[str, bool]]:
    """Every `zhanggui …` on a page, and whether it is meant to be typed as it stands (a fence, not a mention)."""
    text = page.read_text(encoding="utf-8")
    for language, block in FENCE.findall(text):
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                if found := re.match(r" *(?:\w+=\S+ )*(?:uv run )?zhanggui\b(.*)", line):
                    yield found[1], True
    for mention in re.findall(r"`(?:uv run )?zhanggui( [^`\n]+)?`", prose(page)):
        yield mention, False


def parse(arguments: list[str]) -> None:
    """Let the real command line read `arguments` without running anything."""
    command: Any = get_command(app)
    context = None
    while getattr(command, "commands", None):
        if not arguments:
            return
        name, *arguments = arguments
        assert name in command.commands, f"there is no command {name}"
        context = command.make_context("zhanggui", [name], parent=context)
        command = command.commands[name]
    command.make_context(command.name, list(arguments), parent=context)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_every_command_on_a_page_can_be_typed(page: Path) -> None:
    for line, typed in command_lines(page):
        try:
            parse(shlex.split(line, comments=True))
        except Exception as error:
            if typed or type(error).__name__ != "MissingParameter":
                pytest.fail(f"zhanggui{line}: {type(error).__name__} {error}")


def test_a_wrong_command_would_be_noticed() -> None:
    for wrong in ("serv", "serve --prot 1", "serve --port x", "agents add", "ask a b"):
        with pytest.raises(Exception, match=r".*"):
            parse(shlex.split(wrong))


def test_every_module_the_pages_run_is_there() -> None:
    for page in PAGES:
        for module in re.findall(r"python -m ([\w.]+)", page.read_text(encoding="utf-8")):
            ours = (ROOT / f"{module.replace('.', '/')}.py").exists()
            assert ours or module in sys.stdlib_module_names, f"{page.name}: {module}"
        for file in re.findall(r"`((?:bot|connectors|handoff|scripts|tests)/[\w./]+)`", prose(page)):
            assert (ROOT / file).exists(), f"{page.name}: {file}"


def test_every_field_and_key_of_the_knowledge_files_is_explained() -> None:
    from bot.knowledge import datafiles, entryfile
    from bot.knowledge.fields import SHOP_FIELDS

    page = (REFERENCE / "files.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`([^`\n]+)`", FENCE.sub("", page)))
    fields = {f"{{{field}}}" for field in SHOP_FIELDS}
    keys = {*entryfile.KEYS, *entryfile.CHANNEL_KINDS, *datafiles.CHART_KEYS, *datafiles.INTENT_FILE_KEYS}
    assert fields | keys <= written
    shown = {word for word in written if re.fullmatch(r"\{(?:shop|policy|returns)\.\w+\}", word)}
    assert shown == fields


def test_the_tests_and_names_that_the_architecture_page_points_to_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    code = "".join(file.read_text(encoding="utf-8") for file in sources(".py"))
    guards = re.findall(r"`(test_\w+)`", page)
    assert len(guards) >= 8
    assert [name for name in guards if f"def {name}(" not in code] == []
    for name, file in re.findall(r"^\d+\. `([\w.]+)` in `([\w./]+)`", page, re.MULTILINE):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert all(re.search(rf"(?:class|def) {part}\b", text) for part in name.split(".")), f"{name} in {file}"


# --- the tree --------------------------------------------------------------------------------------------------------
def test_nothing_is_left_to_do_in_the_tree() -> None:
    words = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    files = sources(".py", ".md", ".js", ".css", ".html", ".toml", ".yml", ".svg")
    assert [file.relative_to(ROOT).as_posix() for file in files if words.search(file.read_text(encoding="utf-8"))] == []


def test_no_module_is_too_long_to_read() -> None:
    rooms = [file for file in sources(".py") if file.relative_to(ROOT).parts[0] != "tests"]
    lengths = {file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in rooms}
    assert {file: lines for file, lines in lengths.items() if lines > MAX_LINES} == {}


def test_pictures_load_quickly() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert {picture.name for picture in pictures} >= {"demo.png", "console.png", "webchat.png"}
    assert [picture.name for picture in pictures if picture.stat().st_size > MAX_PICTURE_BYTES] == []
