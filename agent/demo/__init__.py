"""The demo: a simulated rack, the agent, and Prometheus where installed, in one command."""
