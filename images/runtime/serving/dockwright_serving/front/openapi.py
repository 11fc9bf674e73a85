"""What the endpoint takes and gives, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

from dockwright_serving import __version__
from dockwright_serving.content import media_types

_ERROR = {
    "description": "What was wrong, in words",
    "content": {
        media_types.JSON: {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}},
            "example": {"error": "the body is empty"},
        }
    },
}
_EXAMPLES = {
    "text": {"summary": "A text", "value": {"inputs": "I like it"}},
    "batch": {"summary": "Several at once", "value": {"inputs": ["I like it", "I don't"]}},
    "parameters": {
        "summary": "With parameters of the task",
        "value": {"inputs": "I like it", "parameters": {"top_k": 2}},
    },
    "question": {
        "summary": "Question answering",
        "value": {"inputs": {"question": "Who?", "context": "It was Ada."}},
    },
    "chat": {
        "summary": "Chat, streamed",
        "value": {"messages": [{"role": "user", "content": "Hello"}], "stream": True},
    },
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def document(task: str | None) -> dict[str, Any]:
    """Return the document; the task is what the loaded model is for, once it is known."""
    invocation = {
        "summary": "Ask the model",
        "description": f"The task is {task}."
        if task
        else "The task shows when the model is loaded.",
        "requestBody": {"required": True, "content": _request_content()},
        "responses": {
            "200": {"description": "The answer", "content": _answer_content()},
            **{str(status): _ERROR for status in (400, 406, 413, 415, 500, 503, 504)},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dockwright serving",
            "version": __version__,
            "description": "A Hugging Face model over HTTP, by SageMaker's hosting contract.",
        },
        "paths": {
            "/invocations": {"post": invocation},
            "/v1/chat/completions": {
                "post": {**invocation, "summary": "The same, where OpenAI's clients look for it"}
            },
            "/ping": {
                "get": {
                    "summary": "Whether the model can answer",
                    "responses": {"200": {"description": "It can"}, "503": _ERROR},
                }
            },
            "/metrics": {
                "get": {
                    "summary": "Figures for Prometheus",
                    "responses": {"200": {"description": "In its text format"}},
                }
            },
        },
    }


def _request_content() -> dict[str, Any]:
    binary = (media_types.NPY, *media_types.IMAGE_FORMATS, *sorted(media_types.AUDIO))
    text = {"schema": {"type": "string"}}
    return {
        media_types.JSON: {"schema": {}, "examples": _EXAMPLES},
        media_types.JSON_LINES[0]: text,
        media_types.CSV: text,
        media_types.TEXT: text,
        **dict.fromkeys(binary, _BINARY),
    }


def _answer_content() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    return {
        media_types.JSON: {"schema": {}},
        media_types.JSON_LINES[0]: text,
        media_types.CSV: text,
        media_types.NPY: _BINARY,
        media_types.EVENT_STREAM: text,
    }
