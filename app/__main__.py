from app.guard import refuse_foreign_schema

refuse_foreign_schema()

from app.cli import main  # noqa: E402

main()
