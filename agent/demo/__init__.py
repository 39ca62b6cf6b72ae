"""The demo: a simulated bay, the agent, and Prometheus where installed, in one command."""
