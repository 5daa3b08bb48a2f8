"""What can be chosen: one file a kind. torch and torchvision are imported inside the factories only."""
