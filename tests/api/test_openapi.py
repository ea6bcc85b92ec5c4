"""The OpenAPI document is part of the contract: a change of it is made on purpose.

After such a change: `UPDATE_OPENAPI=1 .venv/bin/python -m pytest tests/api/test_openapi.py`, and read the difference.
"""

import json
import os
from pathlib import Path

SNAPSHOT = Path(__file__).parent / "openapi.json"


def test_the_document_is_the_one_that_was_agreed(client, db):
    served = client.get("/api/v1/openapi.json").json()
    if os.environ.get("UPDATE_OPENAPI"):
        SNAPSHOT.write_text(json.dumps(served, indent=1) + "\n")
    assert served == json.loads(SNAPSHOT.read_text())


def test_every_operation_says_what_it_answers_when_it_refuses(client, db):
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert statuses & {"200", "201"}, (method, path)
            assert "401" in statuses, (method, path)
            if "{" in path:
                assert "404" in statuses, (method, path)
