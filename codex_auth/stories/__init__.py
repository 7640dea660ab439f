"""What a user wants, one story each."""
