"""What is kept: files. Knows no Qt."""
