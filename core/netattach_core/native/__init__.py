"""What the daemon does itself instead of starting a plugin's program, as pure decisions."""
