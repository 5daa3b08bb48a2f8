"""Measures the engine and the window against a plain loop and against what the machine allows. Changes neither."""
