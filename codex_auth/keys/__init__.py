"""Keys, and the keyrings, passphrases and seals that they are had from."""
