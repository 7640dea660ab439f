"""Other programs' files on this machine, and administrators': found, read, and never written."""
