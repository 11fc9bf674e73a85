"""SIGTERM in; a backup of a Keras training, from which the next `fit` goes on, out."""

from __future__ import annotations

import logging
import sys

import tensorflow as tf

from dockwright_training.checkpoints.last import FOLDER
from dockwright_training.checkpoints.stop import EXIT_CODE, Stop

log = logging.getLogger(__name__)


class SaveOnStop(tf.keras.callbacks.BackupAndRestore):  # type: ignore[misc] # lives inside images only
    """Backs up at the end of every epoch and on SIGTERM, which ends the script with exit code 143.

    The next `fit` restores the backup by itself and goes on behind the last step; in an epoch begun
    before, its data begin anew. TensorFlow replaces a backup in one step: there is no half one. When
    `fit` is done, the backup is removed. With several workers only the ends of epochs are backed up:
    they can't agree on a step in the middle.
    """

    def __init__(self, folder: str = FOLDER) -> None:
        # By number of steps, which is never reached: only then are steps restored.
        super().__init__(folder, save_freq=sys.maxsize)
        self._stop = Stop()

    def on_train_begin(self, logs: object = None) -> None:
        """Restore the last backup and listen for SIGTERM."""
        super().on_train_begin(logs)
        several = tf.distribute.MultiWorkerMirroredStrategy
        if not isinstance(self.model.distribute_strategy, several):
            self._stop.listen()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Back up and end the script when it was told to stop."""
        super().on_train_batch_end(batch, logs)
        if self._stop.is_asked:
            self._backup(epoch=self._current_epoch, batch=batch)
            place = self._current_epoch + 1, batch + 1, self.backup_dir
            log.warning("SIGTERM: stopped in epoch %d after step %d; saved in %s", *place)
            raise SystemExit(EXIT_CODE)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Back up."""
        super().on_epoch_end(epoch, logs)
        self._backup(epoch=epoch)

    def on_train_end(self, logs: object = None) -> None:
        """Stop listening and remove the backup."""
        super().on_train_end(logs)
        self._stop.leave()
