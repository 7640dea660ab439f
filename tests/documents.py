"""What `--json` prints, held against the published schemas: every document that a test gets passes here."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from codex_auth.cli import schema

met: dict[str, set[str]] = {}
"""command: the forms of its document that this process has met."""


@cache
def validator(command: str) -> Draft202012Validator:
    """Return what validates the documents of one command, as `codex-auth schema` prints it."""
    return Draft202012Validator(schema.bundle(command))


@cache
def forms(command: str) -> dict[str, Draft202012Validator]:
    """Return the forms that a command's document may have, each by its name."""
    whole = validator(command)
    refs = [each["$ref"] for each in whole.schema["anyOf"]]  # type: ignore[index]
    return {ref.rpartition("/")[2]: whole.evolve(schema={**whole.schema, "anyOf": [{"$ref": ref}]}) for ref in refs}  # type: ignore[dict-item]


def check(command: str, document: dict[str, Any]) -> None:
    """Fail unless a document is one of the command's, and remember its form."""
    error_of = {name: next(form.iter_errors(document), None) for name, form in forms(command).items()}
    fitting = {name for name, error in error_of.items() if error is None}
    if not fitting:
        told = {name: _deepest(error) for name, error in error_of.items() if error}
        raise AssertionError(f"{command}: no form of its schema fits {sorted(document)}: {told}")
    met.setdefault(command, set()).update(fitting)


def _deepest(error: Any) -> str:
    """Return where and why a document is not what it should be, without the document: it may hold a token."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    said = error.message if error.validator in {"additionalProperties", "required"} else error.validator
    return f"{'/'.join(map(str, error.absolute_path)) or 'top'}: {said}"


def check_output(words: Sequence[str], stdout: str) -> None:
    """Hold what a command line with `--json` printed against its schema; one document, or one on each line."""
    ours = words[: words.index("--")] if "--" in words else words
    if "--json" not in ours or not stdout.strip():
        return
    command = command_of(ours)
    try:
        documents = [json.loads(stdout)]
    except ValueError:
        documents = [json.loads(line) for line in stdout.splitlines()]
    for document in documents:
        if command is None:  # `run` and the like have no document, but a failure of theirs is told as JSON too
            forms("list")["failure"].validate(document)
        else:
            check(command, document)


def command_of(words: Sequence[str]) -> str | None:
    """Return the command that words begin with, if it has a schema."""
    known = schema.names()
    plain = [word for word in words if not word.startswith("-")]
    return next((name for name in (" ".join(plain[:2]), plain[0] if plain else "") if name in known), None)
