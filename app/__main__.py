"""`python -m app` is the command line."""

from app.errors import EXIT_CANCELLED

try:
    from app.cli import main
except KeyboardInterrupt:  # Ctrl-C before anything has begun
    raise SystemExit(EXIT_CANCELLED) from None

raise SystemExit(main())
