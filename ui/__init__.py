"""The window. The only part that knows Qt; it asks `app.acts` for everything and never talks to a server."""

from ui.truth import hold

hold(True)
hold(False)
hold(None)
