"""Text that grows token by token: many requests in one model's forward passes, whole or streamed."""
