"""The one process that speaks HTTP: it holds no model, so it answers whatever the models do."""
