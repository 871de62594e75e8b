"""Good, bad and unlucky clients for as long as one likes, against a provider with faults."""
