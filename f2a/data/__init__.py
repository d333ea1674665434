"""Flash/ambient pairs: read from folders or the Hub, cropped, augmented and batched."""
