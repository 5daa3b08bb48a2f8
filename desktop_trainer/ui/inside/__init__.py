"""Looking inside: the model's layers, the samples as it sees them."""
