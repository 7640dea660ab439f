"""The outside world, each thing in one place: files, locks, network, terminal, browser."""
