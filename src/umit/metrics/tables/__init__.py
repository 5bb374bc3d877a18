"""Which numbers each kind of answer gets, one table a family of tasks."""
