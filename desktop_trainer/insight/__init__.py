"""Looking inside a model. Knows models and batches; returns NumPy and plain values."""
