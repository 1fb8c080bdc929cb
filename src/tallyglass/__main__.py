"""`python -m tallyglass`: the same as the `tallyglass` command."""

from tallyglass.cli.main import main

if __name__ == "__main__":
    main()
