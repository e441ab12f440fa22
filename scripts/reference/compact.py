"""Short forms of reference values, so that a package's committed fixtures stay small."""

import json


def spans(offsets):
    """Ranges in order: a length where a range begins at the end of the one before, -1 where it is the same range, else both ends."""
    found, before = [], (0, 0)
    for start, end in offsets:
        if found and (start, end) == before:
            found.append(-1)
        else:
            found.append(end - start if start == before[1] else [start, end])
        before = (start, end)
    return found


def write_json(path, value, depth=1):
    """JSON without spaces, with a line for each entry down to `depth`, so that changes show by line."""
    path.write_text(lines(value, depth) + "\n", encoding="utf-8", newline="")


def lines(value, depth):
    if depth == 0 or not isinstance(value, (list, dict)) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, list):
        return "[\n" + ",\n".join(lines(entry, depth - 1) for entry in value) + "\n]"
    return "{\n" + ",\n".join(f"{json.dumps(key)}:{lines(entry, depth - 1)}" for key, entry in value.items()) + "\n}"
