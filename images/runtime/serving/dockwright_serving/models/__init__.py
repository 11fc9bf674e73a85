"""Where the model comes from: its files, the code that comes with it, and what it is for."""
