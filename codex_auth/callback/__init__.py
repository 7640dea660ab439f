"""Where the browser comes back to: the listener on loopback, its pages, and opening the browser."""
