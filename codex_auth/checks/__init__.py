"""What can be wrong on this machine: a family of checks each, and the table of them all."""
