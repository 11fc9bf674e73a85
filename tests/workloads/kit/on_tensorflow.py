"""TensorFlow's part of the workloads: a model in, a call that runs it once and waits, out."""

import tensorflow as tf
import transformers
from kit.models import MODELS

GPUS = tf.config.list_physical_devices("GPU")
NEW_TOKENS = 8
for gpu in GPUS:  # else the first model takes all memory, whatever it needs
    tf.config.experimental.set_memory_growth(gpu, enable=True)


def has_gpu():
    return bool(GPUS)


def gpu_count():
    return len(GPUS)


def peak_gpu_bytes():
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] if GPUS else None


def inference(name, *, batch, precision):
    """Return a call of the model's forward pass; of GPT-2, one that generates."""
    model, inputs = _model(name, precision), _tensors(MODELS[name].inputs(batch))
    if name == "gpt2":
        length = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS}
        generate = tf.function(lambda x: model.generate(**x, **length, pad_token_id=0))
        return lambda: generate(inputs).numpy()
    forward = tf.function(lambda x: model(x, training=False).logits)
    return lambda: forward(inputs).numpy()


def training(name, *, batch, precision, compiled=False):
    """Return a call of one training step: forward, backward, optimizer."""
    step = tf.function(_step(name, batch, precision), jit_compile=compiled)
    return lambda: step().numpy()


def mirrored(name, *, batch, replicas):
    """Return a call of one training step on several replicas, each with a batch of its own."""
    if not GPUS:
        halves = [tf.config.LogicalDeviceConfiguration()] * replicas
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, halves)
    kind = "GPU" if GPUS else "CPU"
    strategy = tf.distribute.MirroredStrategy([f"{kind}:{n}" for n in range(replicas)])
    with strategy.scope():
        step = _step(name, batch, "fp32")
    run = tf.function(lambda: strategy.reduce("SUM", strategy.run(step), axis=None))
    return lambda: run().numpy()


def save_classifier(name, folder):
    """Write the model as users keep theirs."""
    model = _model(name, "fp32")
    model(_tensors(MODELS[name].inputs(1)))
    model.save_pretrained(folder)


def _step(name, batch, precision):
    model = _model(name, precision)
    inputs = _tensors({**MODELS[name].inputs(batch), "labels": MODELS[name].labels(batch)})
    optimizer = tf.keras.optimizers.Adam(1e-5)
    model({key: value for key, value in inputs.items() if key != "labels"})
    optimizer.build(model.trainable_variables)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(inputs, training=True).loss)
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    return step


def _model(name, precision):
    policy = "mixed_bfloat16" if precision == "bf16" else "float32"
    tf.keras.mixed_precision.set_global_policy(policy)
    tf.keras.utils.set_random_seed(0)
    kind = MODELS[name]
    config = transformers.AutoConfig.for_model(kind.type, **kind.config)
    return getattr(transformers, f"TFAutoModelFor{kind.auto}").from_config(config)


def _tensors(arrays):
    # Whole numbers as generation makes its own: of 32 bits.
    kinds = {key: tf.int32 if array.dtype.kind == "i" else None for key, array in arrays.items()}
    return {key: tf.convert_to_tensor(array, kinds[key]) for key, array in arrays.items()}
