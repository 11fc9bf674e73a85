"""Import what serving and training start with; print which modules that were, as JSON.

Run inside images by `dockwright profile`. What an image does not have is passed over.
"""

import importlib
import json
import re
import sys
from contextlib import suppress
from importlib.metadata import distributions

NAMES = (
    "torch",
    "tensorflow",
    "tf_keras",
    "accelerate",
    "transformers.pipelines",
    "transformers.generation",
    "transformers.models.auto",
    "PIL.Image",
    "soundfile",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette.applications",
    "prometheus_client",
    "transformers.trainer",
    "datasets",
)
LAZY = (
    "pipeline",
    "AutoConfig",
    "AutoTokenizer",
    "AutoProcessor",
    "AutoImageProcessor",
    "AutoFeatureExtractor",
    "AutoModelForSequenceClassification",
    "AutoModelForCausalLM",
    "TFAutoModelForSequenceClassification",
    "Trainer",
)
MODELS = (
    *("bart", "bert", "clip", "distilbert", "gpt2", "llama", "mistral", "qwen2", "qwen3"),
    *("roberta", "t5", "vit", "wav2vec2", "whisper", "xlm_roberta"),
)
PARTS = (
    *("configuration_{}", "modeling_{}", "modeling_tf_{}"),
    *("tokenization_{}", "tokenization_{}_fast"),
)


def imported(name: str) -> None:
    """Import a module that the image may not have, or not be able to import."""
    with suppress(Exception):
        importlib.import_module(name)


def main() -> None:
    """Import, then print distribution -> paths of its imported modules."""
    for name in NAMES:
        imported(name)
    import transformers  # noqa: PLC0415 - after the frameworks, as programs do

    for name in LAZY:
        with suppress(Exception):
            getattr(transformers, name)
    for model in MODELS:
        for part in PARTS:
            imported(f"transformers.models.{model}.{part.format(model)}")
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    found = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.name).lower()
        paths = [
            str(path)
            for path in distribution.files or ()
            if path.suffix == ".py" and str(distribution.locate_file(path)) in loaded
        ]
        if paths:
            found[name] = sorted(paths)
    print(json.dumps(found))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    main()
