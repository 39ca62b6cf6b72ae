"""Fuzzing: every decoder of what others send, fed with whatever a fuzzer thinks of."""
