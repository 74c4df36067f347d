"""The admission webhooks: validate NADs, pods and our own settings when they are applied."""
