"""Ports to the outside: each has a real adapter and a local one. They import nothing of ours above models."""
