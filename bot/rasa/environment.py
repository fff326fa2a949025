"""Rasa's own environment: Python 3.10 and some 2.7 GB of packages, made once by uv and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from bot.errors import ZhangguiError

PYTHON = "3.10"
"""The newest that Rasa 3.6 runs on."""
REQUIREMENTS = ("rasa[jieba]==3.6.21", "setuptools<81")  # from 81 on `pkg_resources` warns, then goes; Rasa imports it
NEEDED_GB = 5
"""The packages and what is unpacked meanwhile."""
READY = "ready"
Say = Callable[[str], None]


class NoRasa(ZhangguiError):
    """Rasa's environment cannot be made. Do what is said above, then run the command again."""

    code = "rasa"


def rasa_python(environment: Mapping[str, str], say: Say) -> Path:
    """Return the Python that has Rasa, installing it first where that was not done before: one minute or several.

    One process installs at a time; others wait for it.

    Raises:
        NoRasa: uv, Python 3.10 or disk space is missing, or a package could not be had.
    """
    place = environment_folder(environment)
    if not (place / READY).exists():
        _make(place.parent)
        with _alone(place.with_suffix(".lock"), say):
            if not (place / READY).exists():
                _install(place, environment, say)
    return _python_in(place)


def environment_folder(environment: Mapping[str, str]) -> Path:
    """Return where the environment is kept; another set of packages has another folder."""
    cache = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA")
    digest = blake2b(" ".join((PYTHON, *REQUIREMENTS)).encode(), digest_size=4).hexdigest()
    return (Path(cache) if cache else Path.home() / ".cache") / "zhanggui" / f"rasa-{digest}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free_gb = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        raise NoRasa(f"{folder} cannot be made: {error.strerror}. Set XDG_CACHE_HOME to a folder that can") from error
    if free_gb < NEEDED_GB:
        fix = "Make room, or set XDG_CACHE_HOME to a folder on another disk"
        raise NoRasa(f"{folder} has {free_gb:.1f} GB free, Rasa needs {NEEDED_GB}. {fix}")


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            import fcntl
        except ImportError:  # Windows: nobody else is expected
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is installing Rasa; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(place: Path, environment: Mapping[str, str], say: Say) -> None:
    uv = shutil.which("uv", path=environment.get("PATH"))
    if uv is None:
        raise NoRasa("uv is missing, which makes Rasa's environment. Install it: pip install uv")
    python = _find_python(uv, environment)
    say(f"Installing {REQUIREMENTS[0]} into {place} (2.7 GB, once)")
    _run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, str(place)], environment)
    _run([uv, "pip", "install", "--python", str(_python_in(place)), *REQUIREMENTS], environment)
    (place / READY).write_text("\n".join(REQUIREMENTS), encoding="utf-8")


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    """Run uv; what it says goes to stderr as it comes.

    Raises:
        NoRasa: it failed.
    """
    done = subprocess.run(  # noqa: S603 - uv with arguments of ours
        command, env=clean(environment), stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        fix = "Read what it said above; is the package registry reachable? Run the command again: it goes on"
        raise NoRasa(f"`uv {' '.join(command[1:3])}` ended with status {done.returncode}. {fix}")


def _find_python(uv: str, environment: Mapping[str, str]) -> str:
    """Return a Python 3.10: what uv finds, what lies where uv does not look, or one that uv fetches.

    Raises:
        NoRasa: there is none and none can be fetched.
    """
    for attempt in (["find", "--no-python-downloads"], ["install"], ["find"]):
        if attempt == ["install"] and (python := next(_elsewhere(environment), None)):
            return python
        asked = [uv, "python", *attempt, PYTHON]
        done = subprocess.run(  # noqa: S603 - the same
            asked, env=clean(environment), capture_output=True, text=True, check=False
        )
        if "find" in attempt and done.returncode == 0 and _is_right(done.stdout.strip()):
            return done.stdout.strip()
    fix = f"Install it (e.g. with pyenv, conda or your system's packages), or let uv: uv python install {PYTHON}"
    raise NoRasa(f"Python {PYTHON} is missing, which Rasa 3.6 needs. {fix}")


def _elsewhere(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield each Python 3.10 on the path or among pyenv's: uv gives up where the first is a shim that leads nowhere."""
    home = Path(environment.get("HOME") or Path.home())
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    on_path = [Path(place) / f"python{PYTHON}" for place in environment.get("PATH", "").split(os.pathsep) if place]
    for python in (*on_path, *sorted(pyenv.glob(f"{PYTHON}.*/bin/python"), reverse=True)):
        if python.is_file() and _is_right(str(python)):
            yield str(python)


def _is_right(python: str) -> bool:
    told = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(  # noqa: S603 - a Python of this machine
            [python, "-c", told], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == PYTHON


def _python_in(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what belongs to this Python, and without our own variables, which hold secrets."""
    own = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    return {name: value for name, value in environment.items() if name not in own and not name.startswith("ZHANGGUI_")}
