"""MQTT: payloads to the same readings that a poll brings."""
