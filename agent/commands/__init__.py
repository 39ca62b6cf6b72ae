"""One module a command, loaded when that command is called, so that `--help` waits for none."""
