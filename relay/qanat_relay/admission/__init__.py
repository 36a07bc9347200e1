"""What a relay takes in while it has less room than it is brought, and whose. Stores nothing."""
