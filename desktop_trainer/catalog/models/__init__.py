"""The models, one module for each family."""
