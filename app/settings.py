"""The service's settings: one frozen object, read from the environment once.

Nothing else reads the environment. A wrong value stops the start with its name and what was
expected (`describe`).
"""

from __future__ import annotations

import json
import os
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.providers.base_url import BaseUrl, is_this_machine
from app.providers.headers import Headers, Key
from app.providers.model_settings import Mode, TokensField
from app.providers.options import Options
from app.redis.address import Address, addresses
from app.schemas.dialects import Dialect

DEFAULT_MODEL = "gpt-4o-mini"


def _seconds(meaning: str, *, zero: bool = False) -> Any:
    lowest: dict[str, Any] = {"ge": 0} if zero else {"gt": 0}
    return Field(le=86_400, allow_inf_nan=False, description=meaning, **lowest)


def _names(meaning: str) -> Any:
    return Field(description=f"{meaning}, comma-separated")


def _most(meaning: str) -> Any:
    return Field(ge=1, description=f"{meaning}; unset, there is no limit")


_OF_ONE_PROVIDER = (
    *("openai_base_url", "models", "instructor_mode", "max_tokens_field"),
    *("extra_body", "extra_headers", "schema_dialect", "schema_examples"),
)
"""What a file of models says of each. (OPENAI_API_KEY may be a variable that it names.)"""

_LISTS = ("schemas", "api_keys", "allowed_hosts", "models", "cors_origins")
_OBJECTS = ("extra_body", "extra_headers")

CALLER = r"[A-Za-z0-9._-]{1,64}"
"""The pattern of a caller's name."""

KEY = rf"^{CALLER}=[0-9a-f]{{64}}$"
"""The pattern of a caller's name with the SHA-256 of its key."""

_Key = Annotated[str, Field(pattern=KEY)]
_Host = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$")]
_Origin = Annotated[str, Field(pattern=r"^(\*|null|[a-z][a-z0-9+.-]*://[^/\s]+)$")]


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    host: Annotated[str, Field(description="the address to bind to")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="a port; 0 takes a free one")] = 8000
    root_path: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9._~-]+)*$",
            description="the path that a proxy strips, such as /api: no slash at its end",
        ),
    ] = ""

    schemas: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(min_length=1, description="folders of schema files, comma-separated"),
    ] = ("schemas",)

    workers: Annotated[
        int, Field(ge=1, le=64, description="processes that share the port, and a caller's limits")
    ] = 1

    streams_store: Annotated[
        SecretStr | None,
        Field(
            description="redis://, rediss://, unix:// or redis+sentinel:// URLs, comma-separated"
        ),
    ] = None
    store_requests: Annotated[
        bool, Field(description="false to keep requests out of the store: nobody then takes over")
    ] = True
    store_down: Annotated[
        Literal["refuse", "local"],
        Field(description="refuse or local: resumable streams while the store does not answer"),
    ] = "refuse"

    api_keys: Annotated[
        tuple[_Key, ...], NoDecode, _names("callers with their keys (name=sha256 in hex)")
    ] = ()
    api_keys_file: Annotated[
        str | None, Field(description="a file with a name=sha256 a line, reread when it changes")
    ] = None
    allow_open: Annotated[
        bool, Field(description="true to serve everyone who reaches HOST, without keys")
    ] = False
    allowed_hosts: Annotated[
        tuple[_Host, ...], NoDecode, _names("names by which the service is called (no port)")
    ] = ()
    ticket_secret: Annotated[
        SecretStr | None,
        Field(min_length=32, description="what signs tickets, 32 characters or more"),
    ] = None

    caller_streams: Annotated[int | None, _most("a caller's streams at once")] = None
    caller_streams_per_minute: Annotated[int | None, _most("a caller's streams in a minute")] = None
    caller_replays_per_minute: Annotated[
        int | None, _most("a caller's whole replays of ended streams in a minute")
    ] = None
    caller_tokens_per_day: Annotated[int | None, _most("a caller's tokens in a day")] = None
    caller_usd_per_day: Annotated[
        float | None,
        Field(
            gt=0,
            le=1_000_000_000,
            allow_inf_nan=False,
            description="US dollars that a caller's streams may cost in a day; unset, no limit",
        ),
    ] = None
    limits_store: Annotated[
        SecretStr | None,
        Field(description="a URL as those of STREAMS_STORE, for the limits of minutes and days"),
    ] = None
    max_streams: Annotated[int, Field(ge=1, description="streams at once in a process")] = 500
    max_queued: Annotated[
        int, Field(ge=0, le=10_000, description="calls that wait for one of them to end")
    ] = 100
    queue_seconds: Annotated[float, _seconds("seconds that they wait", zero=True)] = 2

    models_file: Annotated[
        str | None, Field(description="a TOML file that describes the models to choose from")
    ] = None
    openai_api_key: Annotated[
        Key | None, Field(description="the provider's key, of printable ASCII")
    ] = None
    openai_base_url: Annotated[
        BaseUrl | None,
        Field(description="the URL (http or https) of a compatible server's API", repr=False),
    ] = None
    models: Annotated[
        tuple[str, ...], NoDecode, _names("models that a request may choose from")
    ] = ()
    model: Annotated[
        str, Field(description="the default model; unset, the first of MODELS or MODELS_FILE")
    ] = ""
    instructor_mode: Annotated[
        Mode, Field(description="how the model is asked: auto, tools, json_schema, json or md_json")
    ] = "auto"
    max_tokens_field: Annotated[
        TokensField,
        Field(description="max_tokens, or max_completion_tokens for newer OpenAI models"),
    ] = "max_tokens"
    extra_body: Annotated[
        Options,
        NoDecode,
        Field(description="a JSON object of fields of the request; a null takes a field out"),
    ] = {}
    extra_headers: Annotated[
        Headers, NoDecode, Field(description="a JSON object of headers, all strings", repr=False)
    ] = {}
    schema_dialect: Annotated[
        Dialect,
        Field(description="the JSON Schema that is sent: full, strict, inline or plain"),
    ] = "full"
    schema_examples: Annotated[
        bool, Field(description="true to send the examples of the JSON Schema")
    ] = True

    max_attempts: Annotated[
        int, Field(ge=1, le=10, description="attempts at a valid answer, 1 to 10")
    ] = 2
    keep_elements: Annotated[
        bool, Field(description="false to ask for a whole list again when an attempt at it fails")
    ] = True
    max_output_bytes: Annotated[int, Field(ge=1, description="bytes that an answer may have")] = (
        1024 * 1024
    )
    connect_timeout: Annotated[float, _seconds("seconds to connect to the provider")] = 4
    open_timeout: Annotated[
        float, _seconds("seconds to wait for the provider before a stream begins regardless")
    ] = 5
    first_content_timeout: Annotated[float, _seconds("seconds to the first content")] = 60
    content_gap_timeout: Annotated[float, _seconds("seconds between contents")] = 20
    total_timeout: Annotated[float, _seconds("seconds for a stream, with all its attempts")] = 180
    circuit_failures: Annotated[
        int, Field(ge=1, description="failures in a row after which a model is passed over")
    ] = 5
    circuit_seconds: Annotated[float, _seconds("seconds until it is tried again")] = 30
    send_timeout: Annotated[
        float, _seconds("seconds until a reader that does not read is cut off")
    ] = 30
    heartbeat_seconds: Annotated[float, _seconds("seconds of silence before a heartbeat")] = 15
    drain_seconds: Annotated[
        float, _seconds("seconds that running streams have when the service stops", zero=True)
    ] = 8
    resume_grace_seconds: Annotated[
        float, _seconds("seconds that a resumable stream goes on without a reader")
    ] = 30
    retention_seconds: Annotated[
        float, _seconds("seconds that a resumable stream is kept once it has ended")
    ] = 300
    retained_bytes: Annotated[
        int, Field(ge=0, description="bytes of ended streams that are kept, the newest")
    ] = 64 * 1024 * 1024
    max_body_bytes: Annotated[int, Field(ge=1, description="bytes of a request's body")] = 65536

    cors_origins: Annotated[
        tuple[_Origin, ...], NoDecode, _names("origins (https://host) that may call, or *")
    ] = ("http://localhost:3000",)
    cors_credentials: Annotated[
        bool, Field(description="true to let those pages send cookies; not with *")
    ] = False
    traces: Annotated[
        bool, Field(description="true to send spans to a collector, as OTEL_* says")
    ] = False
    capture_content: Annotated[
        bool, Field(description="true to put prompts and answers into spans")
    ] = False
    record: Annotated[
        str | None, Field(description="a folder for recordings of all streams, with their content")
    ] = None
    log_format: Annotated[Literal["console", "json"], Field(description="console or json")] = (
        "console"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="debug, info, warning or error"),
    ] = "info"

    caller_metrics: Annotated[
        bool, Field(description="true to count what streams cost by caller, too")
    ] = False

    demo_tokens_per_second: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="the demo model's pace; 0, as fast as it can"),
    ] = 60

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in map(str.strip, value.split(",")) if part)
        return value

    @field_validator(*_OBJECTS, mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        """The object of a JSON text. What is no such text is refused after that."""
        return _json(value) if isinstance(value, str) else value

    @field_validator("limits_store", "streams_store")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            for address in addresses(value.get_secret_value()):
                _check_store(address)
        return value

    @model_validator(mode="after")
    def _open_means_loopback(self) -> Self:
        if self.open and not self.on_loopback and not self.allow_open:
            raise ValueError(
                "API_KEYS: without keys everyone who reaches HOST could spend; "
                "set keys, or ALLOW_OPEN=true if that is meant"
            )
        return self

    @model_validator(mode="after")
    def _workers_share_a_secret(self) -> Self:
        if self.workers > 1 and not self.open and self.ticket_secret is None:
            raise ValueError(
                "TICKET_SECRET: WORKERS must share one, or refuse each other's tickets"
            )
        return self

    @model_validator(mode="after")
    def _no_wildcard_with_credentials(self) -> Self:
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("CORS_ORIGINS: * can't be used with CORS_CREDENTIALS")
        return self

    @model_validator(mode="after")
    def _a_model_is_named(self) -> Self:
        if self.openai_base_url and not self.model and not self.models:
            raise ValueError("MODEL: name the model to ask at OPENAI_BASE_URL")
        return self

    @model_validator(mode="after")
    def _models_are_described_once(self) -> Self:
        given = [name.upper() for name in _OF_ONE_PROVIDER if name in self.model_fields_set]
        if self.models_file is not None and given:
            raise ValueError(
                f"MODELS_FILE: says of each model what {', '.join(given)} would say of all: "
                "unset one or the other"
            )
        return self

    @property
    def open(self) -> bool:
        """Whether callers need no key. A key file without keys lets nobody in."""
        return not self.api_keys and self.api_keys_file is None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service, as far as HOST shows."""
        return is_this_machine(self.host)

    def share(self, limit: int) -> int:
        """One worker's share of a limit for all workers; at least 1."""
        return max(1, limit // self.workers)

    @property
    def demo(self) -> bool:
        """Whether the built-in demo model answers: no key, base URL or file names another."""
        return not (self.openai_api_key or self.openai_base_url or self.models_file)

    @property
    def offered(self) -> tuple[str, ...]:
        """The provider's models that a request may choose from, the default one first."""
        first = (self.model,) if self.model else ()
        return tuple(dict.fromkeys((*first, *self.models))) or (DEFAULT_MODEL,)


def variable(name: str) -> SecretStr | None:
    """A variable that a file of models names; None if it is not set, or is empty."""
    return SecretStr(value) if (value := os.environ.get(name)) else None


def _check_store(address: Address) -> None:
    """Raises ValueError for the URL of no Redis, which its library would refuse at the start."""
    try:
        address.pool(1).make_connection()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ValueError("no URL of a store") from error


def announce(name: str, value: str) -> None:
    """Set a variable from which a library reads what it can't be told in another way."""
    os.environ[name] = value


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def describe(error: ValidationError) -> list[str]:
    """What is wrong with the environment, a line for each setting; values are not shown."""
    found = error.errors(include_url=False, include_input=False)
    return list(dict.fromkeys(map(_line, found)))


def _line(found: Any) -> str:
    if not found["loc"]:
        return str(found["msg"]).removeprefix("Value error, ")
    name = str(found["loc"][0])
    return f"{name.upper()}: expected {Settings.model_fields[name].description}"
