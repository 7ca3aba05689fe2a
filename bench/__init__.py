"""The benchmark: one module per runtime, one measuring loop for all of them."""
