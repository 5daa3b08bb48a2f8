"""``python -m desktop_trainer``: guarded, because spawned workers import it again."""

if __name__ == "__main__":
    from desktop_trainer.cli import main

    raise SystemExit(main())
