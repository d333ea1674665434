"""Flash/ambient pairs, from a folder or the Hub, to crops in batches."""
