"""Programs that a login can be delivered to, behind one interface."""
