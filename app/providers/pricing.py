"""What tokens cost: by the prices of a model's settings, else by the table of `genai-prices`.

The table comes with the package, and is asked offline. https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from app.providers.base import Tokens
from app.providers.base_url import is_this_machine
from app.providers.model_settings import ModelSettings, Prices

MILLION: Final = 1_000_000

Price = Callable[[Tokens], float]
"""What tokens of a model cost, in US dollars."""

PriceList = dict[str, Price]
"""By the names of models; one without a known price is left out."""


def price_list(models: Iterable[ModelSettings]) -> PriceList:
    """The prices that are known."""
    found = {model.name: price_of(model) for model in models}
    return {name: price for name, price in found.items() if price is not None}


def price_of(model: ModelSettings) -> Price | None:
    """The price of a model's tokens; None if it is not known."""
    return _by_settings(model.prices) if model.prices else _by_table(model)


def _by_settings(prices: Prices) -> Price:
    cached = prices.input if prices.cached_input is None else prices.cached_input
    cache_write = prices.input if prices.cache_write is None else prices.cache_write

    def price(tokens: Tokens) -> float:
        fresh = tokens.input_tokens - tokens.cached_tokens - tokens.cache_write_tokens
        asked = fresh * prices.input + tokens.cached_tokens * cached
        asked += tokens.cache_write_tokens * cache_write
        return (asked + tokens.output_tokens * prices.output) / MILLION

    return price


def _by_table(model: ModelSettings) -> Price | None:
    """The price in the table of the package.

    A server that the table doesn't know has no price, whatever the name of its model.
    """
    if model.base_url is not None and is_this_machine(urlsplit(model.base_url).hostname or ""):
        return None
    from genai_prices import Usage, calc_price  # 0.3 s and 30 MB, which few need

    def price(tokens: Tokens) -> float:
        usage = Usage(
            input_tokens=tokens.input_tokens,
            output_tokens=tokens.output_tokens,
            cache_read_tokens=tokens.cached_tokens,
            cache_write_tokens=tokens.cache_write_tokens,
        )
        if model.base_url is None:
            found = calc_price(usage, model.model, provider_id=model.provider)
        else:
            found = calc_price(usage, model.model, provider_api_url=model.base_url)
        return float(found.total_price)

    try:
        price(Tokens(1, 1))
    except LookupError:
        return None
    return price
