"""Lets `python -m agent` stand in for the console script."""

from agent.cli import main

if __name__ == "__main__":
    main()
