"""One chat message in, one reply out; renderings per channel."""
