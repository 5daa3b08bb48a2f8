"""From stored bytes to what a model of images sees."""
