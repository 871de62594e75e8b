"""How a stream ends for each model of the demo, each of which plays a provider's fault.

No model is asked in the place of another one, as in a service that is not told to.
"""

from app.demo import FALLBACKS
from app.demo.reasoning import FORMS
from app.demo.refusals import REFUSING

OUTCOMES = {
    "demo": "done",
    "demo-invalid": "done",
    "demo-invalid-late": "done",
    "demo-obedient": "done",
    "demo-always-invalid": "output_invalid",
    "demo-truncated": "output_truncated",
    "demo-truncated-list": "done",
    "demo-refusal": "output_refused",
    "demo-filtered": "output_filtered",
    "demo-stall": "provider_timeout",
    "demo-silent": "provider_timeout",
    "demo-drip": "provider_timeout",
    "demo-blanks": "provider_timeout",
    "demo-disconnect": "provider_interrupted",
    "demo-garbage": "provider_protocol",
    "demo-error": "provider_protocol",
    "demo-overloaded": "provider_unavailable",
    **dict.fromkeys(REFUSING, "done"),
    **dict.fromkeys(FORMS, "done"),
    "demo-429": "provider_rate_limited",
    "demo-500": "provider_unavailable",
    "demo-401": "provider_rejected",
    "demo-down": "provider_unavailable",
}
FAULTS = {
    model: code for model, code in OUTCOMES.items() if code != "done" and model not in FALLBACKS
}
"""The models that have a fault and, inside the service, no other model in their place."""
SILENT = ("demo-stall", "demo-silent", "demo-drip", "demo-blanks")
"""The models whose streams end by a deadline."""
