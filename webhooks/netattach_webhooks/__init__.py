"""The admission webhooks: judge NADs, pods and our own settings when they are applied."""
