"""`python -m v7s3` is the `v7s3` command."""

from v7s3.cli.app import run

if __name__ == "__main__":
    run()
