"""A local S3 and a local Darwin for the demo and for tests. Imports nothing from the rest of the product."""
