"""The filter language of subscriptions: from an expression to a predicate over a message's attributes.

`attributes:KEY`, `attributes.KEY = "V"`, `attributes.KEY != "V"`, `hasPrefix(attributes.KEY, "P")`, joined by
AND or OR (not both without parentheses) and negated by NOT. A KEY that is more than letters, digits, hyphens
and underscores is a string literal. Source: cloud.google.com/pubsub/docs/subscription-message-filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from emulators.pubsub.refusal import Refused, invalid

Predicate = Callable[[Mapping[str, str]], bool]
FILTER_BYTES = 256
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_-]+)|(?P<sign>!=|[=:.,()]))', re.S
)
_ESCAPE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]{2})|u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8})|(?P<octal>[0-7]{1,3})|(?P<one>.))",
    re.S,
)
_SIMPLE = dict(zip("abfnrtv\\'\"?`", "\a\b\f\n\r\t\v\\'\"?`", strict=True))


def parse_filter(expression: str) -> Predicate:
    """Refuses, with INVALID_ARGUMENT, what is not of the language or longer than 256 bytes."""
    if len(expression.encode()) > FILTER_BYTES:
        raise invalid(f"The filter is too long: at most {FILTER_BYTES} bytes are allowed.")
    parser = _Parser(_tokens(expression))
    predicate = parser.expression()
    if parser.peek():
        raise _malformed(f"nothing may follow before {parser.peek()}")
    return predicate


def _malformed(reason: str) -> Refused:
    return invalid(f"Invalid filter: {reason}.")


def _tokens(expression: str) -> list[str]:
    found: list[str] = []
    at, end = 0, len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise _malformed(f"it cannot be read at position {at}")
        found.append(match[0].lstrip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def expression(self) -> Predicate:
        parts = [self._term()]
        joined = self.peek()
        if joined not in ("AND", "OR"):
            return parts[0]
        while self.peek() == joined:
            self._next()
            parts.append(self._term())
        if self.peek() in ("AND", "OR"):
            raise _malformed("AND and OR can only be combined with parentheses")
        every = all if joined == "AND" else any
        return lambda attributes: every(part(attributes) for part in parts)

    def _term(self) -> Predicate:
        token = self._next()
        if token == "NOT":
            negated = self._term()
            return lambda attributes: not negated(attributes)
        if token == "(":
            inner = self.expression()
            self._expect(")")
            return inner
        if token == "hasPrefix":
            return self._prefix()
        if token != "attributes":
            raise _malformed(f"a condition cannot begin with {token or 'nothing'}")
        return self._comparison()

    def _comparison(self) -> Predicate:
        if self._next(":", ".") == ":":
            key = self._key()
            return lambda attributes: key in attributes
        key = self._key()
        negative = self._next("=", "!=") == "!="
        value = self._text()
        return lambda attributes: ((key in attributes) and attributes[key] == value) != negative

    def _prefix(self) -> Predicate:
        for token in ("(", "attributes", "."):
            self._expect(token)
        key = self._key()
        self._expect(",")
        prefix = self._text()
        self._expect(")")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _key(self) -> str:
        token = self._next()
        if token.startswith('"'):
            return _unquote(token)
        if not token or not (token[0].isalnum() or token[0] in "_-"):
            raise _malformed("an attribute's key is missing")
        return token

    def _text(self) -> str:
        token = self._next()
        if not token.startswith('"'):
            raise _malformed("a value must be a string in double quotes")
        return _unquote(token)

    def _expect(self, token: str) -> None:
        self._next(token)

    def _next(self, *allowed: str) -> str:
        token = self.peek()
        if allowed and token not in allowed:
            raise _malformed(f"{' or '.join(allowed)} is missing")
        self._at += 1
        return token


def _unquote(token: str) -> str:
    return _ESCAPE.sub(_unescape, token[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match["hex"] or match["u4"] or match["u8"]
    if code or match["octal"]:
        number = int(code, 16) if code else int(match["octal"], 8)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise _malformed("an escape names no character")
        return chr(number)
    if match["one"] not in _SIMPLE:
        raise _malformed("an escape is unknown")
    return _SIMPLE[match["one"]]
