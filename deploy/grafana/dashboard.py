"""Makes the dashboard beside this file: `python deploy/grafana/dashboard.py > dashboard.json`.

Its rows are three questions: is it slow, or is the model; what does it cost, and by whom; what
happens to the requests. https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/
"""

from __future__ import annotations

import json
from typing import Any, Final

WIDTH: Final = 24
HEIGHT: Final = 8
COLUMNS: Final = 3
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}

Queries = dict[str, str]
"""The queries of a panel, by their legends."""


def quantiles(metric: str, by: str = "", *, shares: tuple[float, ...] = (0.5, 0.95)) -> Queries:
    """Quantiles of a histogram, for each value of a label if one is named."""
    labels = f"le, {by}" if by else "le"
    inner = f"sum by ({labels}) (rate({metric}_bucket[$__rate_interval]))"
    legend = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{share * 100:g}{legend}": f"histogram_quantile({share}, {inner})" for share in shares
    }


def rates(metric: str, by: str) -> Queries:
    """The rate of a counter, for each value of a label."""
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({metric}[$__rate_interval]))"}


def increases(metric: str, by: str) -> Queries:
    """What a counter has grown by in the time that is shown, for each value of a label."""
    return {f"{{{{{by}}}}}": f"sum by ({by}) (increase({metric}[$__range]))"}


ROWS: Final[dict[str, list[tuple[str, str, Queries]]]] = {
    "Is it slow, or is the model?": [
        (
            "First content: the model",
            "s",
            quantiles(
                "gen_ai_client_operation_time_to_first_chunk_seconds", "gen_ai_request_model"
            ),
        ),
        (
            "First content: what the service adds",
            "s",
            quantiles("overhead_first_content_seconds", shares=(0.5, 0.95, 0.99)),
        ),
        (
            "Each message: what the service adds",
            "s",
            quantiles("overhead_message_seconds", "view", shares=(0.95,)),
        ),
        (
            "Waiting for a slot, and the event loop's lag",
            "s",
            {
                "p95 slot": quantiles("slot_wait_seconds", shares=(0.95,))["p95"],
                "p99 lag": quantiles("event_loop_lag_seconds", shares=(0.99,))["p99"],
            },
        ),
        (
            "Between contents: the model",
            "s",
            quantiles(
                "gen_ai_client_operation_time_per_output_chunk_seconds",
                "gen_ai_request_model",
                shares=(0.95,),
            ),
        ),
        ("First content: what readers see", "s", quantiles("stream_first_content_seconds")),
    ],
    "What does it cost, and by whom?": [
        ("Dollars, by model", "currencyUSD", increases("cost_usd_total", "model")),
        ("Dollars, by schema", "currencyUSD", increases("cost_usd_total", "schema")),
        ("Dollars, by caller", "currencyUSD", increases("cost_usd_total", "caller")),
        (
            "Tokens a second",
            "short",
            {
                "{{gen_ai_token_type}} {{gen_ai_request_model}}": (
                    "sum by (gen_ai_token_type, gen_ai_request_model) "
                    "(rate(gen_ai_client_token_usage_sum[$__rate_interval]))"
                )
            },
        ),
        (
            "Share of the tokens that is estimated",
            "percentunit",
            {
                "estimated": (
                    'sum(rate(gen_ai_client_token_usage_sum{estimated="true"}[$__rate_interval])) '
                    "/ sum(rate(gen_ai_client_token_usage_sum[$__rate_interval]))"
                )
            },
        ),
        ("Calls refused, by limit", "short", rates("limits_refused_total", "limit")),
    ],
    "What happens to the requests?": [
        ("Streams ended a second", "short", rates("streams_ended_total", "code")),
        ("Attempts a second, by outcome", "short", rates("stream_attempts_total", "code")),
        (
            "Restarts and fallbacks a second",
            "short",
            {
                "restart {{code}}": (
                    "sum by (code) (rate(stream_restarts_total[$__rate_interval]))"
                ),
                "fallback from {{model}}": (
                    "sum by (model) (rate(model_fallbacks_total[$__rate_interval]))"
                ),
            },
        ),
        (
            "Running",
            "short",
            {
                "streams": "sum(streams_active)",
                "readers": "sum(readers)",
                "of other processes": "sum(streams_followed)",
                "at providers": "sum(provider_connections)",
                "slots": "sum(slots_taken)",
                "waiting": "sum(calls_waiting)",
            },
        ),
        ("Bytes sent a second, by view", "Bps", rates("message_bytes_sent_total", "view")),
        ("Kept streams' bytes", "bytes", {"kept": "sum(kept_bytes)"}),
        (
            "Processes for which a store answers",
            "short",
            {
                "store {{store}}": "sum by (store) (store_up)",
                "store {{store}}, full": "sum by (store) (store_full)",
                "without the limits' store": "sum(limits_store_down)",
            },
        ),
        (
            "A store's answers",
            "s",
            quantiles("store_answer_seconds", "store", shares=(0.5, 0.99)),
        ),
        (
            "Streams that move a second",
            "short",
            {
                "taken over, {{reason}}": (
                    "sum by (reason) (rate(streams_taken_over_total[$__rate_interval]))"
                ),
                "overruled": "sum(rate(streams_overruled_total[$__rate_interval]))",
                "holes": "sum(rate(streams_holes_total[$__rate_interval]))",
            },
        ),
    ],
}


def panel(title: str, unit: str, queries: Queries, place: dict[str, int], id: int) -> Any:
    """A panel with a curve for each result of its queries."""
    return {
        "id": id,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query, "legendFormat": name}
            for at, (name, query) in enumerate(queries.items())
        ],
    }


def panels() -> list[Any]:
    """All panels, three beside each other, each row under its question."""
    made: list[Any] = []
    y = 0
    for question, row in ROWS.items():
        place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        made.append(
            {"id": len(made) + 1, "type": "row", "title": question, "gridPos": place, "panels": []}
        )
        y += 1
        for at, (title, unit, queries) in enumerate(row):
            width = WIDTH // COLUMNS
            x, below = at % COLUMNS * width, at // COLUMNS * HEIGHT
            place = {"x": x, "y": y + below, "w": width, "h": HEIGHT}
            made.append(panel(title, unit, queries, place, len(made) + 1))
        y += -(-len(row) // COLUMNS) * HEIGHT
    return made


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    return {
        "uid": "structured-streams",
        "title": "Structured Streams",
        "tags": ["structured-streams"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": panels(),
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2))
