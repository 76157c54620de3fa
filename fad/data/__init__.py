"""Tables, audio files, datasets and batches."""
