"""api/: each command that prints JSON has a schema, each schema is strict and used."""

import json
import pathlib
import re

import jsonschema
import pytest
from conftest import API

FILES = sorted(API.glob("*.schema.json"))


def objects(schema):
    """All schemas of objects in a schema but of those that may hold anything."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_schemas_are_strict(file):
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "aegis " in schema["title"]
    for part in objects(schema):
        assert "additionalProperties" in part, part
        assert set(part.get("required", [])) <= set(part.get("properties", {})), part


def test_every_command_with_json_has_a_schema(aegis):
    overviews = "".join(aegis(*group).ok().out for group in (["--help"],))
    names = re.findall(r"^  ([a-z][a-z -]*?[a-z])  ", overviews, re.MULTILINE)
    printing = [name for name in names if "--json " in aegis(*name.split(), "--help").ok().out]
    assert len(printing) > 15
    schemas = {file.name.removesuffix(".schema.json") for file in FILES}
    assert [name for name in printing if name.replace(" ", "-") not in schemas] == []


def test_every_schema_is_used():
    tests = "\n".join(file.read_text(encoding="utf-8")
                      for file in pathlib.Path(__file__).parent.glob("test_*.py"))
    unused = [file.name for file in FILES
              if f'("{file.name.removesuffix(".schema.json")}")' not in tests]
    assert not unused, unused
