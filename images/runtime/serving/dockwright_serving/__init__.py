"""Serve Hugging Face models over HTTP, by SageMaker's hosting contract and for anyone else."""

__version__ = "0.1.0"
