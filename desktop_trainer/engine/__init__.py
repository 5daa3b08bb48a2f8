"""The training. Knows torch; knows neither Qt nor files."""
