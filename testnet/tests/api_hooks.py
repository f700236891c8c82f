"""What schemathesis is told besides the document: real ids, so that it gets behind the doors; and more than the document
promises, so that an answer with a property that nobody described fails the test."""

import json
import os

import schemathesis

IDS = json.loads(os.environ["HORAHORA_IDS"])
# Addresses of other nodes are called: only one on this machine, where nobody listens.
PEER = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA"
REF = "#/components/schemas/"


def operations(document):
    for item in document["paths"].values():
        yield from item.values()


def without_examples(node):
    if isinstance(node, dict):
        node.pop("example", None)
        for value in node.values():
            without_examples(value)
    elif isinstance(node, list):
        for value in node:
            without_examples(value)


def named(node, schemas, found):
    """The schemas that `node` is made of."""
    if isinstance(node, dict):
        name = node.get("$ref", "").removeprefix(REF)
        if name in schemas and name not in found:
            found.add(name)
            named(schemas[name], schemas, found)
        for value in node.values():
            named(value, schemas, found)
    elif isinstance(node, list):
        for value in node:
            named(value, schemas, found)


@schemathesis.hook
def before_load_schema(context, document):
    without_examples(document)
    schemas = document["components"]["schemas"]
    given, asked = set(), set()
    for operation in operations(document):
        named([answer.get("content") for answer in operation["responses"].values()], schemas, given)
        named(operation.get("requestBody"), schemas, asked)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["name"] in IDS:
                parameter["schema"] = {"type": "string", "enum": IDS[parameter["name"]]}
    for name in given - asked:
        if "properties" in schemas[name]:
            schemas[name]["additionalProperties"] = False
    of = lambda *texts: {"type": "string", "enum": list(texts)}
    schemas["NewNode"]["properties"]["address"] = of(PEER, "nowhere")
    # What is made up is hardly ever a video, a search, a name or a file; some of these are.
    schemas["NewList"]["properties"]["videos"] = {"type": "array", "maxItems": 2, "items": of("niconico:sm1", "x")}
    schemas["Search"]["properties"]["search"] = of("q=piano", "length=huge")
    schemas["NewList"]["properties"]["name"] = of("a list", "\n")
    schemas["NewPerson"]["properties"]["name"] = of("Noriko", "\n")
    upload = document["paths"]["/api/v1/uploads"]["post"]["parameters"]
    next(header for header in upload if header["name"] == "Upload-Metadata")["schema"] = of("filename YS5tcDQ=", "x")
    next(header for header in upload if header["name"] == "Upload-Length")["schema"]["maximum"] = 1000


@schemathesis.serializer("application/offset+octet-stream", "image/jpeg", "image/png", "image/webp")
def as_it_is(context, value):
    data = value if isinstance(value, bytes) else getattr(value, "data", None) or str(value).encode()
    return {"data": data, "headers": {}}
