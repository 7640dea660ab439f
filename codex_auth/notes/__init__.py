"""What is under way, written down so that a crash at any point can be told: sign-ins, refreshes, deliveries."""
