"""The network: encoder, generator, discriminator, and the files that hold their weights."""
