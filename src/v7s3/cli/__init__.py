"""The command line. The only importer of typer; nothing imports it."""
