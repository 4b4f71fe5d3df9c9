"""Checks of what is deployed, from the files alone: no cloud account, no network. Never deployed itself."""
