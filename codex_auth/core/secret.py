"""Text that never shows itself."""


class Secret:
    """A token, code, verifier or state. Only `reveal` returns the text; printing shows a fingerprint.

    The fingerprint is the first eight hex digits of the text's SHA-256: enough to see *which* token two
    processes hold, useless for getting the token back.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one line that sends or stores it."""
        return self._text

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that name this secret without giving it away."""
        import hashlib  # here and below: these two load OpenSSL, and most runs compare nothing

        return hashlib.sha256(self._text.encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def matches(self, text: str) -> bool:
        """Compare with text from outside in constant time, whatever characters it has."""
        import hmac

        ours = self._text.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(ours, text.encode("utf-8", "surrogatepass"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._text)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint}…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled or copied")

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __copy__(self) -> "Secret":
        return self
