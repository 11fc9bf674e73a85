"""Runs the user's training script: SageMaker's training contract, on one machine or many."""
