"""Rasa's environment is made once; what is missing for it is told with what to do. A small script plays `uv`."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.rasa.environment import READY, REQUIREMENTS, NoRasa, environment_folder, rasa_python
from bot.rasa.running import RasaFailed, Runner, free_port
from bot.rasa.trial import write_rows

UV = """\
#!/bin/sh
echo "$@" >> "$UV_LOG"
case "$1 $2" in
  "python find") [ -n "$UV_PYTHON310" ] && echo "$UV_PYTHON310" || exit 2 ;;
  "python install") exit 2 ;;
  "venv --quiet") sleep 0.2; eval target=\\${$#}; mkdir -p "$target/bin" ;;
  "pip install") exit "${UV_PIP_STATUS:-0}" ;;
esac
"""
PYTHON = """\
#!/bin/sh
echo 3.10
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An environment with our `uv` and a Python that says it is 3.10."""
    script(tmp_path / "tools" / "uv", UV)
    python = script(tmp_path / "py" / "python3.10", PYTHON)
    return {
        "PATH": f"{tmp_path / 'tools'}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "UV_LOG": str(tmp_path / "log"),
        "UV_PYTHON310": str(python),
    }


def asked(machine: dict[str, str]) -> list[str]:
    return Path(machine["UV_LOG"]).read_text().splitlines()


def test_it_is_made_once(machine: dict[str, str]) -> None:
    said: list[str] = []
    python = rasa_python(machine, said.append)
    assert python == environment_folder(machine) / "bin" / "python"
    assert [line.partition(" -")[0] for line in asked(machine)] == ["python find", "venv", "pip install"]
    assert asked(machine)[-1].endswith(" ".join(REQUIREMENTS))
    assert "2.7 GB" in said[0]
    assert rasa_python(machine, said.append) == python
    assert (len(asked(machine)), len(said)) == (3, 1)


def test_two_that_want_it_at_once_make_it_once(machine: dict[str, str]) -> None:
    said: list[str] = []
    both = [threading.Thread(target=rasa_python, args=(machine, said.append)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sum(line.startswith("venv") for line in asked(machine)) == 1
    assert any("waiting" in line for line in said)


def test_a_package_that_cannot_be_had_is_told_and_tried_again_the_next_time(machine: dict[str, str]) -> None:
    with pytest.raises(NoRasa, match=r"`uv pip install` ended with status 7.*registry"):
        rasa_python({**machine, "UV_PIP_STATUS": "7"}, print)
    assert not (environment_folder(machine) / READY).exists()
    assert rasa_python(machine, print)


def test_without_uv_it_says_how_to_get_it(machine: dict[str, str]) -> None:
    with pytest.raises(NoRasa, match="pip install uv"):
        rasa_python({**machine, "PATH": "/nowhere"}, print)


def test_without_python_310_it_says_so(machine: dict[str, str]) -> None:
    with pytest.raises(NoRasa, match=r"Python 3\.10 is missing.*uv python install 3\.10"):
        rasa_python({**machine, "UV_PYTHON310": ""}, print)


def test_a_python_310_that_uv_does_not_see_is_found(machine: dict[str, str]) -> None:
    shim = script(Path(machine["HOME"]) / "shims" / "python3.10", "#!/bin/sh\nexit 127\n")
    real = script(Path(machine["HOME"]) / ".pyenv" / "versions" / "3.10.13" / "bin" / "python", PYTHON)
    path = f"{shim.parent}:{machine['PATH']}"
    rasa_python({**machine, "UV_PYTHON310": "", "PATH": path}, print)
    assert f"--python {real}" in next(line for line in asked(machine) if line.startswith("venv"))


def test_a_place_that_cannot_be_made_or_is_full_is_told(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(machine["HOME"])).write_text("a file")
    with pytest.raises(NoRasa, match="cannot be made"):
        rasa_python({**machine, "XDG_CACHE_HOME": machine["HOME"]}, print)
    monkeypatch.setattr("bot.rasa.environment.NEEDED_GB", 1e9)
    with pytest.raises(NoRasa, match="GB free"):
        rasa_python(machine, print)


def test_training_that_fails_shows_rasas_last_lines(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "#!/bin/sh\necho 'YamlException: line 3'\nexit 1\n")
    with pytest.raises(RasaFailed, match=r"(?s)YamlException: line 3.*status 1"):
        Runner(python, os.environ).train(tmp_path, lambda *_: None)


def test_a_server_that_does_not_start_shows_rasas_last_lines(tmp_path: Path) -> None:
    python = script(tmp_path / "python", '#!/bin/sh\necho "$@"; env | grep ^RASA_\nexit 1\n')
    runner = Runner(python, {"PATH": os.environ["PATH"], "ZHANGGUI_X": "1"})
    ended = pytest.raises(RasaFailed, match=r"(?s)RASA_TELEMETRY_ENABLED=false.*ended with status 1")
    with ended as failed, runner.serve(tmp_path / "model", free_port(), "s3cret", tmp_path / "log"):
        pass
    assert "--interface 127.0.0.1" in str(failed.value)
    assert "s3cret" not in str(failed.value).partition("RASA_")[0], "not among the arguments, which everybody sees"


def test_rows_become_a_project_of_their_language_with_safe_names(tmp_path: Path) -> None:
    rows = [("退货", "a/b"), ("查快递", "faq"), ("[x](y) 换货", "a/b"), ("天气", "oos")]
    assert list(write_rows(tmp_path, rows, 7).values()) == ["a/b", "faq", "oos"]
    config = YAML(typ="safe").load((tmp_path / "config.yml").read_text("utf-8"))
    nlu = YAML(typ="safe").load((tmp_path / "data" / "nlu.yml").read_text("utf-8"))
    assert config["pipeline"][0]["name"] == "JiebaTokenizer"
    assert config["pipeline"][5]["epochs"] == 7
    assert [item["intent"] for item in nlu["nlu"]] == ["label_0", "label_1", "label_2"]
