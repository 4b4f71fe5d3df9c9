"""Route templates as ASP.NET Core reads them, and the order functions are tried in."""

import pytest

from localcloud.host.functions import Function
from localcloud.host.routes import BadTemplate, RouteTable, Template


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/health", "api/health", {}),
        ("api/health", "API/Health", {}),
        ("api/health", "api/health/ready", None),
        ("api/health", "api", None),
        ("", "", {}),
        ("items/{id}", "items/17", {"id": "17"}),
        ("items/{id}", "items/", None),
        ("items/{id}", "items/1/2", None),
        ("items/{id?}", "items", {}),
        ("items/{id?}", "items/17", {"id": "17"}),
        ("items/{id=all}", "items", {"id": "all"}),
        ("items/{id=all}", "items/17", {"id": "17"}),
        ("files/{*rest}", "files/a/b.txt", {"rest": "a/b.txt"}),
        ("files/{**rest}", "files/a/b.txt", {"rest": "a/b.txt"}),
        ("files/{*rest}", "files", {}),
        ("{session}/captions.{kind}", "s-1/captions.vtt", {"session": "s-1", "kind": "vtt"}),
        ("{a}/{b}/end", "x/y/end", {"a": "x", "b": "y"}),
        ("{a}-{b}", "1-2", {"a": "1", "b": "2"}),
        ("a.b/{x}", "aXb/1", None),
        ("{{literal}}/{x}", "{literal}/1", {"x": "1"}),
        ("items/{id}", "items/ä ö", {"id": "ä ö"}),
    ],
)
def test_a_template_takes_whole_paths(template, path, expected):
    assert Template(template).match(path) == expected


@pytest.mark.parametrize(
    ("constraint", "accepted", "refused"),
    [
        ("int", ["0", "-5", "2147483647"], ["2147483648", "1.0", "x", "1_0"]),
        ("long", ["9223372036854775807"], ["9223372036854775808", "17a"]),
        ("bool", ["true", "FALSE"], ["yes", "1"]),
        ("guid", ["CD2C1638-1638-72D5-1638-DEADBEEF1638"], ["CD2C1638"]),
        ("double", ["1.5", "-2e3"], ["one"]),
        ("datetime", ["2026-02-23", "2026-02-23T10:00:00"], ["23 February"]),
        ("alpha", ["abcXYZ"], ["abc1"]),
        ("minlength(3)", ["abc"], ["ab"]),
        ("maxlength(3)", ["abc"], ["abcd"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("min(18)", ["18"], ["17", "x"]),
        ("max(18)", ["18"], ["19"]),
        ("range(18,20)", ["18", "20"], ["17", "21"]),
        ("required", ["x"], []),
        ("regex(^[a-z]+$)", ["abc", "ABC"], ["abc1"]),
        (r"regex(^\d{{3}}-\d{{2}}$)", ["123-45"], ["12-345"]),
        ("regex(^(soap|dap)$)", ["soap", "dap"], ["soup"]),
        ("int:min(1):max(9)", ["5"], ["0", "10", "x"]),
    ],
)
def test_a_constraint_decides(constraint, accepted, refused):
    template = Template(f"items/{{value:{constraint}}}")
    assert [template.match(f"items/{each}") for each in accepted] == [{"value": each} for each in accepted]
    assert [template.match(f"items/{each}") for each in refused] == [None] * len(refused)


@pytest.mark.parametrize("template", ["{id:even}", "{id", "id}", "{a}/{a}", "x{id?}", "{}", "{id:int(3)}"])
def test_what_cannot_be_read_is_refused(template):
    with pytest.raises(BadTemplate):
        Template(template)


def http_function(name: str, route: str | None = None, methods: tuple[str, ...] = ()) -> Function:
    trigger = {"type": "httpTrigger", "name": "req", "route": route, "methods": methods, "authLevel": "FUNCTION"}
    return Function(name, (trigger, {"type": "http", "name": "$return"}))


def chosen(table: RouteTable, method: str, path: str) -> str | None:
    found = table.match(method, path)
    return found[0].function.name if found else None


def test_the_first_function_by_name_wins_not_the_most_specific_route():
    table = RouteTable([http_function("a", "x/{id}"), http_function("b", "x/stats")], "api")
    assert chosen(table, "GET", "/api/x/stats") == "a"


def test_a_constraint_lets_the_next_function_have_the_path():
    table = RouteTable([http_function("a", "x/{id:long}"), http_function("b", "x/stats")], "api")
    assert chosen(table, "GET", "/api/x/stats") == "b"


def test_the_method_is_a_constraint_too():
    table = RouteTable([http_function("a", "x", ("GET",)), http_function("b", "x", ("post",))], "api")
    assert chosen(table, "POST", "/api/x") == "b"
    assert chosen(table, "PUT", "/api/x") is None


def test_without_methods_all_are_taken():
    assert chosen(RouteTable([http_function("a", "x")], "api"), "PATCH", "/api/x") == "a"


def test_without_a_route_the_name_is_the_route():
    assert chosen(RouteTable([http_function("Health")], "api"), "GET", "/api/health") == "Health"


def test_the_prefix_may_be_empty():
    assert chosen(RouteTable([http_function("a", "x")], ""), "GET", "/x") == "a"


def test_a_slash_at_the_end_changes_nothing():
    assert chosen(RouteTable([http_function("a", "x")], "api"), "GET", "/api/x/") == "a"


def test_other_triggers_have_no_route():
    queue = Function("a", ({"type": "queueTrigger", "name": "msg", "queueName": "q"},))
    assert RouteTable([queue], "api").routes == []
