"""Where a relay's settings come from: the command line before the environment, the environment
before the file, the file before the defaults. Never decides what a setting means."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from qanat_relay.config import Config, check_config, to_toml
from qanat_relay.errors import ConfigError
from qanat_relay.rights import words_of

PREFIX = "QANAT_RELAY_"
"""Before the name of a setting, in capitals, as a variable of the environment."""

MAX_DIGITS = 20
"""More than any setting has."""

_DEFAULTS = {each.name: each.default for each in fields(Config)}
_KINDS = {str: "a string", int: "a whole number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings in force. `origins`: for each that is not a default, where it was said."""

    config: Config
    origins: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """Each setting with its value and its origin."""
        return {
            name: {"value": getattr(self.config, name), "from": self.origins.get(name, "default")}
            for name in _DEFAULTS
        }

    def to_toml(self) -> str:
        """The same as a settings file, origins as comments."""
        lines = [(f"{name} = {to_toml(getattr(self.config, name))}", name) for name in _DEFAULTS]
        widest = max(len(line) for line, _ in lines if len(line) <= 60)
        return "\n".join(
            f"{line:<{widest}}  # {self.origins.get(name, 'default')}" for line, name in lines
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """What to read settings from. `must_exist`: whether it is an error that the file is not there.
    `options`: of the command line, by setting."""

    file: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    must_exist: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def _has_file(self) -> bool:
        return self.must_exist or self.file.exists()

    def fixed(self) -> Sources:
        """The same for as long as a relay runs: a file that is there now must not be missing later,
        or settings would be lost with it."""
        return replace(self, must_exist=self._has_file)

    def read(self) -> Settings:
        """Read all of them, and check the whole. Raises ConfigError, which names the setting and
        where it was said."""
        layers = {
            str(self.file): _read_file(self.file) if self._has_file else {},
            "the environment": _read_environment(self.environment),
            "the command line": dict(self.options),
        }
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for origin, layer in layers.items():
            values |= layer
            origins |= dict.fromkeys(layer, origin)
        try:
            return Settings(check_config(Config(**values)), origins)
        except ConfigError as error:
            said = [origin for origin, layer in layers.items() if layer]
            raise ConfigError(f"{' with '.join(said)}: {error}") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(words_of(error)) from None
    except (ValueError, RecursionError) as error:
        if "overwrite a value" in str(error):
            where = str(error).partition("(")[2].rstrip(")")
            raise ConfigError(f"{path}: a setting stands there twice ({where})") from None
        raise ConfigError(f"{path}: not TOML: {error}") from None
    values = {}
    for name, value in table.items():
        if name not in _DEFAULTS:
            raise ConfigError(f"{path}: no setting is called {name!r}")
        try:
            values[name] = _typed(name, value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
    return values


def _typed(name: str, value: Any) -> Any:
    default = _DEFAULTS[name]
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ConfigError(f"{name} takes a list of strings")
        return tuple(value)
    if type(value) is not type(default):
        raise ConfigError(f"{name} takes {_KINDS[type(default)]}")
    return value


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in _DEFAULTS or variable != variable.upper():
            raise ConfigError(f"{variable} in the environment: no setting is called so")
        values[name] = _from_text(variable, text, _DEFAULTS[name])
    return values


def _from_text(variable: str, text: str, default: Any) -> Any:
    """The value that a variable's text means: lists with commas between, true or false."""
    if isinstance(default, tuple):
        return tuple(one.strip() for one in text.split(",") if one.strip())
    if isinstance(default, str):
        return text
    if isinstance(default, bool) and text in ("true", "false"):
        return text == "true"
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
    if isinstance(default, bool) or not is_number:
        kind = _KINDS[type(default)]
        raise ConfigError(f"{variable} in the environment is {text!r}: it takes {kind}")
    return int(text)
