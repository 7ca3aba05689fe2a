"""`python -m edgedigits`, for where the command is not on the path."""

from edgedigits.cli import main

if __name__ == "__main__":
    main()
