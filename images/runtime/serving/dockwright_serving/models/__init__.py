"""Where the model comes from: its files, the code that comes with it, what it was made for."""
