"""Checkpoints that survive an interruption: finding the last whole one, and saving when told to stop.

For training scripts: `last_checkpoint` needs no framework; `checkpoints.trainer.SaveOnStop` is for
Transformers' Trainer, `checkpoints.keras.SaveOnStop` for Keras.
"""

from dockwright_training.checkpoints.last import FOLDER, last_checkpoint

__all__ = ["FOLDER", "last_checkpoint"]
