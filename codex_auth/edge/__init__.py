"""This machine, each thing in one place: files, locks, clock, environment, processes, terminal."""
