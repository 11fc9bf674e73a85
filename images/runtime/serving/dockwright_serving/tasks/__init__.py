"""Tasks: a task's name and a model's directory in; something callable like a pipeline, out."""
