"""Requests nobody would think of, made from the API's own description: no 5xx, and no answer it does not announce."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.domain.caller import Role

pytestmark = pytest.mark.e2e

FROM_THE_DESCRIPTION = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def service_token(stack):
    return stack.issuer.token("fuzzer", [Role.SERVICE])


api = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.json")


@api.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_says(case, stack, service_token):
    case.call_and_validate(
        base_url=stack.url.removesuffix("/api"),
        checks=FROM_THE_DESCRIPTION,
        headers={"Authorization": f"Bearer {service_token}"},
    )
