"""The datasets, one module for each kind. It knows no torch until one is loaded."""
