"""What several tests use: a real service on a real socket, and a provider that they script."""
