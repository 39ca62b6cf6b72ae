"""Devices to arrays: protocols and device models, not what a rack should read."""
