"""SIGTERM in; one whole checkpoint of Transformers' Trainer, the same step on every rank, out.

Transformers 5 has `enable_jit_checkpoint`, which is not enough here: it waits 3 s of the few there are,
nothing makes the ranks agree on a step, and the script goes on as if its training were complete
(seen with 5.23: exit code 0, and the half-trained model in the place of the finished one).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback

from dockwright_training.checkpoints.stop import EXIT_CODE, Stop

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)


class SaveOnStop(TrainerCallback):  # type: ignore[misc] # transformers lives inside images only
    """Saves a checkpoint into `output_dir` on SIGTERM and ends the script, with exit code 143.

    The code after `train()` does not run: no half-trained model takes the place of a finished one.
    The next run goes on with `trainer.train(resume_from_checkpoint=last_checkpoint(output_dir))`.
    """

    def __init__(self) -> None:
        self._stop = Stop()
        self._ranks: _Ranks | None = None
        self._is_stopping = False

    def on_train_begin(self, *_: object, **__: object) -> None:
        """Listen for SIGTERM."""
        self._stop.listen()
        if dist.is_initialized() and dist.get_world_size() > 1:
            self._ranks = _Ranks()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: object,
    ) -> TrainerControl:
        """Have the Trainer save, and nothing else, when this rank or another was told to stop."""
        del args
        if self._ranks.any(self._stop.is_asked) if self._ranks else self._stop.is_asked:
            if state.is_local_process_zero:
                log.warning("SIGTERM: saving a checkpoint at step %d", state.global_step)
            self._is_stopping = True
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False
        return control

    def on_save(
        self, args: TrainingArguments, state: TrainerState, *_: object, **__: object
    ) -> None:
        """End the script once every rank has saved."""
        if not self._is_stopping:
            return
        if self._ranks:
            self._ranks.wait_for_all()
        if state.is_local_process_zero:
            step, folder = state.global_step, args.output_dir
            log.warning("stopped after step %d of %d; saved in %s", step, state.max_steps, folder)
        raise SystemExit(EXIT_CODE)

    def on_train_end(self, *_: object, **__: object) -> None:
        """Stop listening: from here on SIGTERM ends the script at once."""
        self._stop.leave()
        if self._ranks:
            self._ranks.finish()


class _Ranks:
    """What any rank says becomes known to all, a step later, and no step waits for it."""

    def __init__(self) -> None:
        # Of its own, on CPU: GPUs go on computing meanwhile.
        self._group: Any = dist.new_group(backend="gloo")
        self._last: tuple[Any, torch.Tensor] | None = None

    def any(self, mine: bool) -> bool:
        """Say mine; return whether any rank said yes at the last step."""
        answer = self.finish()
        vote = torch.tensor([int(mine)])
        self._last = dist.all_reduce(vote, dist.ReduceOp.MAX, self._group, async_op=True), vote
        return answer

    def finish(self) -> bool:
        """Return what the last step's votes came to."""
        if self._last is None:
            return False
        work, vote = self._last
        work.wait()
        self._last = None
        return bool(vote.item())

    def wait_for_all(self) -> None:
        """Return when every rank is here: torchrun ends those left as soon as one has ended."""
        self.finish()
        dist.barrier(self._group)
