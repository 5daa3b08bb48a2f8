"""The models, one module for each family. It knows no torch until one is built."""
