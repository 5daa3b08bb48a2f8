"""What is asked for: plain values. Knows neither torch nor Qt."""
