"""What both front ends say and show: words, tables, numbers. Without Qt."""
