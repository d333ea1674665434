"""The network: encoder, generator, discriminator, and the files that store the generator's weights."""
