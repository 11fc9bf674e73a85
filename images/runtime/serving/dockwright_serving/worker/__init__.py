"""The processes that hold models: requests in, answers out, each able to fork the next."""
