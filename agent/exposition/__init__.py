"""Metrics text: readings from prepared prefixes, the agent's own by prometheus-client."""
