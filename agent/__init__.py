"""Arrays to metrics and verdicts: specs and runs, not how a value was fetched."""
