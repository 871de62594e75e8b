"""A minimal Docker engine, to test the Dockerfile on a machine without Docker.

Every stage is built in a folder that replaces the image's root and is empty at first. All stages
use the same folder, because a virtual environment contains its own path: a finished stage is moved
to another place. Absolute paths in the instructions are looked up inside that folder. Programs in
the built image get only the image's environment variables.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy as copy_of
from dataclasses import dataclass, field
from pathlib import Path

absolute = re.compile(r"(?<![^\s\":=])/(?=\w)")
ours = ("VIRTUAL_ENV", "PYTHON", "COV", "MAKE", "MFLAGS")


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for each, rest in self.instructions if each == word]

    def only(self, word: str) -> str:
        [rest] = self.all(word)
        return rest


def parse(text: str) -> list[Stage]:
    stages: list[Stage] = []
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].instructions.append((word, rest))
    return stages


def instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


def command(rest: str) -> list[str]:
    """The exec form of a CMD, or of the CMD of a HEALTHCHECK after its options."""
    return [str(argument) for argument in json.loads(rest[rest.index("[") :])]


class Image:
    """The last stage, once `build` has gone through them all."""

    def __init__(self, stages: list[Stage], context: Path, work: Path) -> None:
        self.stages = stages
        self.context = context
        self.work = work
        self.root = work / "root"
        self.folder = self.root
        self.env: dict[str, str] = {}

    def build(self) -> None:
        for stage in self.stages:
            self._begin(stage)
            for word, rest in stage.instructions:
                step = getattr(self, f"_{word.lower()}", None)
                if step is not None:
                    step(rest)
            if stage is not self.stages[-1]:
                self.root.rename(self.work / stage.name)

    @contextmanager
    def extended(self, text: str, context: Path) -> Iterator[Image]:
        """Another image, built on this one: FROM, COPY and ENV, with files of another context.

        It stands in the same folder. What it adds there is removed at the end.
        """
        before = set(self.root.iterdir())
        image = copy_of(self)
        image.context, image.env = context, dict(self.env)
        [stage] = parse(text)
        try:
            for word, rest in stage.instructions:
                getattr(image, f"_{word.lower()}")(rest)
            yield image
        finally:
            for added in set(self.root.iterdir()) - before:
                shutil.rmtree(added)

    def start(self, arguments: list[str], output: Path, **env: str) -> subprocess.Popen[bytes]:
        with output.open("ab") as out:
            return subprocess.Popen(
                arguments, cwd=self.folder, env=self.env | env, stdout=out, stderr=out
            )

    def files(self) -> set[Path]:
        return {path.relative_to(self.work) for path in self.work.rglob("*")}

    def _begin(self, stage: Stage) -> None:
        home, programs = self.work / f"{stage.name}-home", self.work / f"{stage.name}-bin"
        for folder in (self.root, home, programs):
            folder.mkdir()
        # The base image: a `python` outside of a virtual environment, and the system's tools.
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(str(base_python()))} "$@"\n')
        python.chmod(0o755)
        self.folder = self.root
        self.env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home)}

    def _workdir(self, rest: str) -> None:
        self.folder = self._inside(rest)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _env(self, rest: str) -> None:
        for assignment in shlex.split(absolute.sub(f"{self.root}/", rest)):
            name, _, value = assignment.partition("=")
            self.env[name] = value.replace("$PATH", self.env["PATH"])

    def _copy(self, rest: str) -> None:
        *options, sources, target = split_copy(rest)
        origin: Path = self.context
        put: Callable[[str, str], object] = shutil.copy2
        for option in options:
            # A finished stage is not changed any more, so its files need not be there twice.
            origin, put = self.work / option.removeprefix("--from="), os.link
        for source in sources.split():
            copy(origin / source.lstrip("/"), self._inside(target), put)

    def _run(self, rest: str) -> None:
        mine = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        subprocess.run(
            absolute.sub(f"{self.root}/", rest),
            shell=True,
            check=True,
            cwd=self.folder,
            env=mine | {"PATH": self.env["PATH"]},
        )

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/") if path.startswith("/") else self.folder / path


def split_copy(rest: str) -> Iterable[str]:
    words = rest.split()
    options = [word for word in words if word.startswith("--")]
    *sources, target = (word for word in words if not word.startswith("--"))
    return [*options, " ".join(sources), target]


def copy(source: Path, target: Path, put: Callable[[str, str], object]) -> None:
    """Copy a file into a folder, or what is in a folder. put: copies one file"""
    if source.is_dir():
        shutil.copytree(
            source, target, symlinks=True, dirs_exist_ok=True, ignore=not_caches, copy_function=put
        )
    else:
        target.mkdir(parents=True, exist_ok=True)
        put(str(source), str(target / source.name))


def not_caches(folder: str, names: list[str]) -> list[str]:
    """The names that `.dockerignore` leaves out. An installed environment keeps its caches."""
    return [name for name in names if name == "__pycache__" and "site-packages" not in folder]


def base_python() -> Path:
    return Path(sys.executable).resolve()
