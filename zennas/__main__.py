"""`python -m zennas`, the same as `zennas`."""

from zennas.cli.main import main

main()
