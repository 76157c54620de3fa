"""Self-supervised speech encoders under one contract."""
