"""Tasks: everything about one kind of question, each fact in one place."""
