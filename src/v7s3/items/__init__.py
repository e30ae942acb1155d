"""Which objects become which items, and the pipeline that registers them."""
