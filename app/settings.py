"""The service's settings: one frozen object, read from the environment once.

Nothing else reads the environment. A wrong value stops the start with its name and what
was expected (`describe`).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

type_words = {
    "missing": "a value",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
}

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    root_path: Annotated[str, Field(pattern=r"^(/[^/?#\s]+)*$")] = ""

    openai_api_key: SecretStr | None = None
    openai_base_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    models: CommaSeparated = ()
    model: str = ""
    instructor_mode: Literal["tools", "json_schema", "json", "md_json"] = "tools"
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    max_attempts: Annotated[int, Field(ge=1, le=10)] = 2
    max_output_bytes: Annotated[int, Field(ge=1)] = 1024 * 1024
    connect_timeout: Seconds = 4
    open_timeout: Seconds = 5
    first_content_timeout: Seconds = 60
    content_gap_timeout: Seconds = 20
    total_timeout: Seconds = 180
    send_timeout: Seconds = 30
    heartbeat_seconds: Seconds = 15
    drain_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 8
    max_body_bytes: Annotated[int, Field(ge=1)] = 64 * 1024

    cors_origins: CommaSeparated = ("http://localhost:3000",)
    cors_credentials: bool = False
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    demo_tokens_per_second: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60

    @field_validator("models", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
        return value

    @model_validator(mode="after")
    def _no_wildcard_with_credentials(self) -> Self:
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("CORS_ORIGINS: '*' can't be used with CORS_CREDENTIALS")
        return self

    @property
    def demo(self) -> bool:
        """Whether the built-in demo model answers: no key and no base URL is set."""
        return self.openai_api_key is None and self.openai_base_url is None
