"""`openapi.yaml`, written from what each door declares: one truth, committed, and compared in a test."""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar

from consent import __version__

from .doors import Door

_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "none": [],
    "dpop_grant": [{"dpopGrant": []}],
    "dpop_client": [{"dpopClient": []}],
    "dpop_any": [{"dpopGrant": []}, {"dpopClient": []}],
    "dpop_batch": [{"dpopBatch": []}],
    "client": [{"privateKeyJwt": []}],
    "session": [{"session": []}],
    "auditor": [{"auditor": []}],
    "initial": [{"initial": []}],
    "registration": [{"registration": []}],
    "operator": [{"operator": []}],
}
_SCHEMES = {
    "dpopGrant": {
        "type": "http",
        "scheme": "DPoP",
        "description": "An access token under a citizen's grant, with a DPoP proof (RFC 9449).",
    },
    "dpopClient": {
        "type": "http",
        "scheme": "DPoP",
        "description": "An access token of the client itself (client_credentials), with a DPoP proof.",
    },
    "dpopBatch": {
        "type": "http",
        "scheme": "DPoP",
        "description": "A client's own token for batches (client_credentials with the type batch_disclosure).",
    },
    "privateKeyJwt": {
        "type": "http",
        "scheme": "private_key_jwt",
        "description": "RFC 7523 client assertion in the form.",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "A signed-in browser."},
    "auditor": {"type": "http", "scheme": "bearer", "description": "An auditor's token."},
    "initial": {"type": "http", "scheme": "bearer", "description": "An initial access token (RFC 7591)."},
    "registration": {
        "type": "http",
        "scheme": "bearer",
        "description": "A client's registration access token.",
    },
    "operator": {"type": "http", "scheme": "bearer", "description": "An operator's token."},
}


def doors(app: Litestar) -> Iterator[tuple[str, str, Door | None]]:
    """Every route as (path, method, door); None where a route declares nothing."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or [getattr(route, "route_handler")]:  # noqa: B009
            door = handler.opt.get("door")
            methods = getattr(handler, "http_methods", None) or {"POST"}
            for method in sorted(str(getattr(m, "value", m)) for m in methods):
                if method != "OPTIONS":
                    yield _path(route.path_format), method.lower(), door


def document(app: Litestar) -> dict[str, Any]:
    """The OpenAPI 3.1 document of everything that is declared."""
    found = [(path, method, door) for path, method, door in doors(app) if door is not None]
    bodies = {
        id(body): body
        for _, _, door in found
        for body in [door.body, *[answer.body for answer in door.answers.values()]]
        if _is_struct(body)
    }
    _, components = msgspec.json.schema_components(
        list(bodies.values()), ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Any] = {}
    for path, method, door in sorted(found, key=lambda one: (one[2].tag, one[0], one[1])):
        paths.setdefault(path, {})[method] = _operation(path, door)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Consent",
            "version": __version__,
            "summary": "The person decides; every disclosure is an entry that outsiders can verify.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "oauth", "description": "OAuth 2.1 in the FAPI 2.0 profile."},
            {"name": "organisation", "description": "What an organisation gets and says."},
            {"name": "auditor", "description": "The public log, and openings for auditors."},
            {"name": "operator", "description": "Approve, refuse, suspend, restore."},
            {"name": "citizen", "description": "Pages for people."},
        ],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SCHEMES},
    }


def _operation(path: str, door: Door) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": door.id if "/sign-up" not in path else f"{door.id}SignUp",
        "tags": [door.tag],
        "summary": door.summary,
    }
    if door.description:
        operation["description"] = door.description
    parameters = [
        {
            "name": field.name,
            "in": field.where,
            "required": field.required,
            "description": field.description,
            "schema": field.schema,
        }
        for field in door.fields
        if field.where != "form"
    ]
    if parameters:
        operation["parameters"] = parameters
    form = [field for field in door.fields if field.where == "form"]
    if form:
        schema = {
            "type": "object",
            "properties": {field.name: field.schema | {"description": field.description} for field in form},
            "required": [field.name for field in form if field.required],
        }
        operation["requestBody"] = {"required": True, "content": {door.body_media: {"schema": schema}}}
    elif door.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {door.body_media: {"schema": _schema(door.body)}},
        }
    operation["responses"] = {
        str(status): {
            "description": answer.description,
            **({"content": {answer.media: {"schema": _schema(answer.body)}}} if answer.media else {}),
            **(
                {
                    "headers": {
                        name: {"required": True, "schema": {"type": "string"}} for name in answer.headers
                    }
                }
                if answer.headers
                else {}
            ),
        }
        for status, answer in sorted(door.answers.items())
    }
    if _SECURITY[door.security]:
        operation["security"] = _SECURITY[door.security]
    return operation


def _schema(body: Any) -> dict[str, Any]:
    if body is None:
        return {"type": "string"}
    if _is_struct(body):
        return {"$ref": f"#/components/schemas/{body.__name__}"}
    ((schema,), _) = msgspec.json.schema_components([body])
    return dict(schema)


def _is_struct(body: Any) -> bool:
    return isinstance(body, type) and issubclass(body, msgspec.Struct)


def _path(path: str) -> str:
    # Litestar writes `{name:type}` in some places.
    return "/".join(
        part.split(":")[0] + "}" if part.startswith("{") and ":" in part else part for part in path.split("/")
    )


def as_yaml(value: Any, indent: int = 0) -> str:
    """Write the document as YAML: block style, strings as JSON strings, which YAML 1.2 reads as they are."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            name = (
                key if key.replace("_", "").replace("-", "").isalnum() and not key.isdigit() else _scalar(key)
            )
            if isinstance(inner, dict | list | tuple) and inner:
                lines.append(f"{pad}{name}:\n{as_yaml(inner, indent + 1)}")
            else:
                lines.append(f"{pad}{name}: {_scalar(inner)}\n")
        return "".join(lines)
    if isinstance(value, list | tuple) and value:
        lines = []
        for inner in value:
            if isinstance(inner, dict | list | tuple) and inner:
                lines.append(f"{pad}- {as_yaml(inner, indent + 1).lstrip()}")
            else:
                lines.append(f"{pad}- {_scalar(inner)}\n")
        return "".join(lines)
    return f"{pad}{_scalar(value)}\n"


def _scalar(value: Any) -> str:
    return msgspec.json.encode(value).decode()
