#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Reduces Alpaca's published OpenAPI files to a table of operations and members, which tests/system/test_sim_conform.py
# holds the simulator to. Only names, types and bounds are kept, no text.
#
#   tests/tools/alpaca_members.py trading-api.json market-data-api.json > tests/system/alpaca_members.tsv
import json
import sys

SERVED = """
GET /v2/account | GET /v2/account/configurations | PATCH /v2/account/configurations | GET /v2/account/activities
GET /v2/account/activities/{activity_type} | GET /v2/account/portfolio/history
GET /v2/positions | GET /v2/positions/{symbol_or_asset_id} | DELETE /v2/positions | DELETE /v2/positions/{symbol_or_asset_id}
GET /v2/orders | POST /v2/orders | DELETE /v2/orders | GET /v2/orders/{order_id} | PATCH /v2/orders/{order_id}
DELETE /v2/orders/{order_id} | GET /v2/orders:by_client_order_id
GET /v2/watchlists | POST /v2/watchlists | GET /v2/watchlists/{watchlist_id} | PUT /v2/watchlists/{watchlist_id}
POST /v2/watchlists/{watchlist_id} | DELETE /v2/watchlists/{watchlist_id} | DELETE /v2/watchlists/{watchlist_id}/{symbol}
GET /v2/watchlists:by_name | PUT /v2/watchlists:by_name | POST /v2/watchlists:by_name | DELETE /v2/watchlists:by_name
GET /v2/assets | GET /v2/assets/{symbol_or_asset_id} | GET /v2/clock | GET /v2/calendar | GET /v3/clock
GET /v3/calendar/{market} | GET /v2/corporate_actions/announcements | GET /v2/corporate_actions/announcements/{id}
GET /v1/corporate-actions
GET /v2/stocks/snapshots | GET /v2/stocks/{symbol}/snapshot | GET /v2/stocks/meta/exchanges
GET /v2/stocks/meta/conditions/{ticktype}
GET /v2/stocks/trades/latest | GET /v2/stocks/{symbol}/trades/latest | GET /v2/stocks/quotes/latest
GET /v2/stocks/{symbol}/quotes/latest | GET /v2/stocks/bars/latest | GET /v2/stocks/{symbol}/bars/latest
GET /v2/stocks/trades | GET /v2/stocks/{symbol}/trades | GET /v2/stocks/quotes | GET /v2/stocks/{symbol}/quotes
GET /v2/stocks/bars | GET /v2/stocks/{symbol}/bars
"""


class Reducer:
    def __init__(self, document):
        self.document, self.members, self.names = document, {}, {}

    def target(self, schema):
        node = self.document
        for part in schema["$ref"][2:].split("/"):
            node = node[part]
        return node

    def merged(self, schema):
        """One object out of a reference and allOf."""
        while "$ref" in schema:
            schema = self.target(schema)
        if "allOf" not in schema:
            return schema
        whole = {"type": "object", "properties": dict(schema.get("properties", {})), "required": []}
        for part in schema["allOf"]:
            part = self.merged(part)
            whole["properties"].update(part.get("properties", {}))
            whole["required"] += part.get("required", [])
        return whole

    def type_of(self, schema, name):
        """string, number, ..., a name of an object, [T] array, {T} map, A|B one of them."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
        flat = self.merged(schema)
        for word in ("anyOf", "oneOf"):
            if word in flat:
                return "|".join(self.type_of(s, "%s%d" % (name, i)) for i, s in enumerate(flat[word]))
        if flat.get("properties"):
            self.object(name, flat)
            return name
        if isinstance(flat.get("additionalProperties"), dict):
            return "{%s}" % self.type_of(flat["additionalProperties"], name + "_value")
        if flat.get("type") == "array":
            return "[%s]" % self.type_of(flat["items"], name + "_item")
        return flat.get("type") or "any"

    def object(self, name, flat):
        if name in self.members:
            return
        self.members[name] = []
        for member, schema in flat["properties"].items():
            plain = self.merged(schema)
            bounds = [plain["format"]] if plain.get("format") in ("uuid", "date", "date-time") else []
            if "enum" in plain:
                bounds = ["|".join("null" if w is None else str(w) for w in plain["enum"])]
            self.members[name].append((member, self.type_of(schema, "%s.%s" % (name, member)),
                                       "required" if member in flat.get("required", []) else "-",
                                       "nullable" if plain.get("nullable") else "-", *(bounds or ["-"])))

    def resolved(self, node):
        while "$ref" in node:
            node = self.target(node)
        return node

    def parameters(self, wanted):
        """Query parameters whose values are listed or which are flags."""
        for path, methods in self.document["paths"].items():
            for method in sorted(set(methods) & {"get", "delete"}):
                if (method.upper(), path) not in wanted:
                    continue
                for p in map(self.resolved, methods.get("parameters", []) + methods[method].get("parameters", [])):
                    if p["in"] != "query":
                        continue
                    schema = self.merged(p.get("schema", {}))
                    many = schema.get("type") == "array"
                    words = self.merged(schema["items"] if many else schema).get("enum", [])
                    words = ["true", "false"] if schema.get("type") == "boolean" else words
                    if words:
                        yield method.upper(), path, p["name"], "many" if many else "one", "|".join(map(str, words))

    def operations(self, wanted):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if (method.upper(), path) not in wanted:
                    continue
                for status, answer in operation["responses"].items():
                    if status[0] != "2":
                        continue
                    while "$ref" in answer:
                        answer = self.target(answer)
                    content = answer.get("content", {}).get("application/json", {}).get("schema")
                    name = "%s %s" % (method.upper(), path)
                    yield method.upper(), path, status, self.type_of(content, name) if content else "-"


def main():
    wanted = {tuple(o.split()) for line in SERVED.strip().splitlines() for o in line.split("|")}
    rows, members, found, parameters = [], {}, set(), []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as f:
            reducer = Reducer(json.load(f))
        parameters += reducer.parameters(wanted)
        for row in reducer.operations(wanted):
            found.add(row[:2])
            rows.append(row)
        for key, value in reducer.members.items():
            if members.setdefault(key, value) != value:
                sys.exit("%s means two things" % key)
    if wanted - found:
        sys.exit("not described: %s" % sorted(wanted - found))
    print("# Operations, parameters and members of Alpaca's Trading API and Market Data API that paperguard-sim serves: names, types,")
    print("# bounds. Facts taken by tests/tools/alpaca_members.py from the OpenAPI files that Alpaca publishes in")
    print("# https://github.com/alpacahq/alpaca-mcp-server (src/alpaca_mcp_server/specs, state of 2026-06-24).")
    for row in sorted(rows):
        print("op", *row, sep="\t")
    for row in sorted(parameters):
        print("param", *row, sep="\t")
    for name in sorted(members):
        for row in members[name]:
            print("member", name, *row, sep="\t")


main()
