"""The commands of the terminal, one small module each: `HELP`, `arguments(parser)`, `run(args, terminal)`.

`run` returns what the final `result` line of `--json` holds; what people read it prints itself.
"""

COMMANDS = (
    "new",
    "check",
    "run",
    "resume",
    "undo",
    "status",
    "restore",
    "freeze",
    "disk",
    "upload",
    "limit",
    "probe",
    "targets",
    "clouds",
    "machines",
    "rehearse",
    "forget",
    "help",
)
