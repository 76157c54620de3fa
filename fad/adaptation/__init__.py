"""Ways to adapt a pre-trained encoder, one file a method."""
