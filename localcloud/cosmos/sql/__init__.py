"""The part of Cosmos' SQL that apps of one container need: filter, project, order, page, aggregate."""

from localcloud.cosmos.sql.evaluate import Predicate, compile_predicate
from localcloud.cosmos.sql.parser import parse_query
from localcloud.cosmos.sql.syntax import Query

__all__ = ["Predicate", "Query", "parse_condition", "parse_query"]


def parse_condition(text: str) -> Predicate:
    """Compile the predicate of a conditional patch, `FROM c WHERE …`. Raises: CosmosError 400 or 501."""
    return compile_predicate(parse_query(f"SELECT * {text}", {}).where)
