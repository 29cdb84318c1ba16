"""A YAML loader that knows the line of every key, and accepts only plain data.

All values stay text as written (`retail`, `2018-12-31`, `007`, `no`), and the model converts them.
So a package id keeps its zeros, and a tag named `yes` is not a boolean. An empty value is None.
"""

import yaml

_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "null", "bool", "int", "float", "timestamp", "value", "merge", "seq", "map")
}


class YamlLineError(ValueError):
    """An error in a YAML text, with its line number from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call] # untyped in the stubs
            raise YamlLineError(line, "an alias (*name) is not allowed: write the value itself")
        return super().compose_node(parent, index)


def load_yaml(content: bytes) -> tuple[object, dict[str, int]]:
    """Return the data, and the line of every key, such as `query.owners[0]`.

    The data consists of mappings, lists, text and None. The key "" is the whole file. Raise
    YamlLineError for content that is not UTF-8 or not YAML, for aliases, for tags that would create
    objects, and for a key that occurs twice.
    """
    text = _decode(content)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlLineError(line, f"the character {error.character!r} is not allowed") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlLineError(
            mark.line + 1 if mark else 1, f"this is not valid YAML: {error.problem or error.context}"
        ) from None
    except RecursionError:
        raise YamlLineError(1, "this is nested too deeply") from None
    lines = {"": root.start_mark.line + 1 if root else 1}
    return (_convert(root, "", lines) if root else None), lines


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlLineError(line, "this is not UTF-8: save the file in that encoding") from None


def _convert(node: yaml.Node, key: str, lines: dict[str, int]) -> object:
    """Return the data of a node, and add the lines of its keys to `lines`."""
    line = node.start_mark.line + 1
    if node.tag not in _PLAIN_TAGS:
        raise YamlLineError(line, f"the tag {node.tag!r} is not allowed: write a plain value")
    if isinstance(node, yaml.MappingNode):
        return _convert_mapping(node, key, lines)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[f"{key}[{index}]"] = item.start_mark.line + 1
        return [_convert(item, f"{key}[{index}]", lines) for index, item in enumerate(node.value)]
    return None if node.tag.endswith(":null") else node.value


def _convert_mapping(node: yaml.MappingNode, key: str, lines: dict[str, int]) -> dict[str, object]:
    data: dict[str, object] = {}
    for name_node, value_node in node.value:
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            raise YamlLineError(line, "a key must be a word")
        name = name_node.value
        path = f"{key}.{name}" if key else name
        if name in data:
            raise YamlLineError(
                line, f"the key {name!r} occurs twice (first in line {lines[path]}): remove one"
            )
        lines[path] = line
        data[name] = _convert(value_node, path, lines)
    return data
