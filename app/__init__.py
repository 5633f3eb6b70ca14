"""Sandhopper without its window: everything the command line and the window share. Never imports Qt."""

__version__ = "0.1.0"
