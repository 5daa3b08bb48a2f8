"""What disks, networks and people do to a file, for property-based tests: to its bytes, or to the JSON in it. Knows
no format.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st


def cases(count: int) -> settings:
    """The settings of a mutation test: as many examples, the same ones each time, none timed."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # one folder for all examples
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=checks)


_HOW = ["flip", "cut", "drop", "repeat", "insert", "swap", "zero", "splice"]
_CHANGE = st.tuples(st.sampled_from(_HOW), st.integers(0, 2**20), st.integers(1, 300), st.binary(max_size=12))


def spoilt(*files: bytes) -> st.SearchStrategy[bytes]:
    """The first of `files` after one to four changes of its bytes; parts of the others may come into it."""
    return st.lists(_CHANGE, min_size=1, max_size=4).map(lambda changes: _spoil(files, changes))


def _spoil(files: tuple[bytes, ...], changes: list[tuple[str, int, int, bytes]]) -> bytes:
    data = bytearray(files[0])
    for how, place, length, noise in changes:
        at = place % (len(data) + 1)
        part = bytes(data[at : at + length])
        if how == "flip" and at < len(data):
            data[at] ^= 1 << length % 8
        elif how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at : at + length]
        elif how == "repeat":
            data[at:at] = part
        elif how == "insert":
            data[at:at] = noise
        elif how == "swap":
            data[at : at + len(part)] = part[::-1]
        elif how == "zero":
            data[at : at + len(part)] = bytes(len(part))
        elif how == "splice":
            other = files[place % len(files)]
            start = place * 31 % (len(other) + 1)
            data[at : at + length] = other[start : start + length]
    return bytes(data)


_NESTED = [f"{'[' * depth}{']' * depth}" for depth in (70, 200, 400, 800, 900, 940, 960, 970, 980, 990, 5000)]
_NESTED += ['{"a":' * depth + "1" + "}" * depth for depth in (70, 300, 900, 975, 5000)]
_ODD = [
    "null",
    "true",
    "-1",
    "0",
    "1",
    "1.5",
    "2147483648",
    "9223372036854775808",
    "1e308",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 400,
    "9" * 5000,
    '""',
    '"nan"',
    '"x"',
    '"\\u0000"',
    '"\\ud800"',
    f'"{"long " * 500}"',
    "[]",
    "{}",
    "[[]]",
    "[null]",
    '{"name":"adam"}',
    '{"$tensor":"x"}',
    '{"$items":[[[],1]]}',
    '{"$float":"nan"}',
    '{"$tuple":[]}',
    '"2026-01-01T00:00:00"',
    '"9999-12-31T23:59:59-23:59"',
    '"/"',
    *_NESTED,
]
"""What a reader does not expect in place of a value."""
_EDIT = st.tuples(
    st.sampled_from(["replace", "replace", "drop", "rename", "repeat", "move"]),
    st.integers(0, 2**20),
    st.sampled_from(_ODD),
)


def edited(text: str | bytes) -> st.SearchStrategy[bytes]:
    """The JSON `text` after one to three of its values were replaced, dropped, renamed, repeated or moved."""
    return st.lists(_EDIT, min_size=1, max_size=3).map(lambda edits: _edit(json.loads(text), edits))


def _edit(whole: Any, edits: list[tuple[str, int, str]]) -> bytes:
    root: dict[str, Any] = {"root": whole}
    raw: dict[str, str] = {}
    for how, number, odd in edits:
        places = list(_places(root))
        group, key = places[number % len(places)]
        mark = f"\0{len(raw)}\0"
        if how == "replace":
            group[key], raw[json.dumps(mark)] = mark, odd
        elif how == "repeat":  # JSON does not forbid two of a name
            raw[json.dumps(mark)] = f"1,{json.dumps(str(key))}:1" if isinstance(group, dict) else "1,1"
            group[key] = mark
        elif how == "move":
            other, name = places[number * 31 % len(places)]
            group[key] = json.loads(json.dumps(other[name]))
        elif group is not root:
            value = group.pop(key)
            if how == "rename" and isinstance(group, dict):
                group["renamed"] = value
    data = json.dumps(root.get("root"))
    for mark, odd in raw.items():
        data = data.replace(mark, odd)
    return data.encode()


def _places(value: Any) -> Any:
    """Every place in `value` where a value stands: its group and its key or index."""
    waiting = [value]
    while waiting:
        group = waiting.pop()
        for key, item in list(group.items() if isinstance(group, dict) else enumerate(group)):
            yield group, key
            if isinstance(item, dict | list):
                waiting.append(item)
