"""What the API says of itself: every address, parameter and shape, held against what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.api import is_of
from tallyglass.app import tokens
from tallyglass.web.api import openapi, scopes
from tallyglass.web.api.addresses import ADDRESSES

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(openapi.document("tallyglass-8420")))
    return told


def test_every_example_has_the_promised_shape_and_another_has_not() -> None:
    examples = json.loads(openapi.EXAMPLES.read_text(encoding="utf-8"))

    assert examples.keys() == ADDRESSES.keys()
    for name, address in ADDRESSES.items():
        assert is_of(address, examples[name]), f"{name}: make the examples anew, python -m support.api"
        assert examples[name], name
    told = examples["worth"]
    assert not is_of(ADDRESSES["worth"], {**told, "secret": "x"})
    assert not is_of(ADDRESSES["worth"], {**told, "total": 1})
    assert not is_of(ADDRESSES["worth"], {name: each for name, each in told.items() if name != "causes"})


def test_the_document_has_every_address_with_all_that_can_come_of_it(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["paths"].keys() == {f"/api/v1/{name}" for name in ADDRESSES}
    for name, address in ADDRESSES.items():
        [(method, told)] = document["paths"][f"/api/v1/{name}"].items()
        asked = {param["name"]: param for param in told["parameters"]}
        assert method == "get"
        assert asked.keys() == {*(param.name for param in address.params), "If-None-Match"}
        assert all(param["description"] and param["schema"] and param["example"] for param in asked.values())
        assert asked.get("id", {"in": "path"})["in"] == "path"
        assert told["responses"].keys() >= {"200", "304", "400", "401", "403", "404", "405", "421", "500", "503"}
        assert told["responses"]["200"]["content"]["application/json"]["example"]


def test_every_reference_leads_somewhere_and_every_problem_has_an_example(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place
    for status, answer in document["components"]["responses"].items():
        for kind, told in answer.get("content", {}).items():
            assert told["example"], status
            assert kind in ("application/problem+json", "text/plain")


def test_the_way_in_is_told(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["session"]
    assert document["security"] == [{"session": []}, {"token": []}]
    assert (scheme["in"], scheme["name"]) == ("cookie", "tallyglass-8420")


def test_every_address_is_of_a_scope_that_a_token_can_have(document: dict[str, Any]) -> None:
    for name, address in ADDRESSES.items():
        path = f"/api/v1/{name}"
        assert address.scope in tokens.SCOPES
        assert document["paths"][path]["get"]["security"] == [{"session": []}, {"token": [address.scope]}]
        assert scopes.allows(path.replace("{id}", "kraken/L%2F1"), {address.scope})
        assert not scopes.allows(path, set(tokens.SCOPES) - {address.scope})
    assert scopes.allows("/api/v1/openapi.json", {"history"})
    for path in (
        "/api/v1/",
        "/api/v1/tokens",
        "/api/v2/worth",
        "/worth",
        "worth",
        "/api/v1/history/{id}/x/../../keys",
        "/",
    ):
        assert not scopes.allows(path, {"worth", "keys"})


def test_the_page_for_people_has_every_address_and_parameter() -> None:
    rows = re.findall(r"^\| `/api/v1/([^`]+)` \| (.*?) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: tuple(re.findall(r"`([^`]+)`", params)) for name, params in rows}

    assert listed.pop("openapi.json") == ()
    taken = {name: tuple(param.name for param in address.params) for name, address in ADDRESSES.items()}
    assert listed == {name: tuple(each for each in params if each != "id") for name, params in taken.items()}
