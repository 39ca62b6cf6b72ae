"""What a run leaves for good: a sealed, signed folder that anybody can check."""
