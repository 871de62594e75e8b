"""The commands for people at a terminal."""
