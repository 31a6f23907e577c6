# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""As much of JSON Schema 2020-12 as our own description uses, and a reader of that description. A keyword that is not known here
is refused, so that nothing is believed to be checked and is not."""
import re
from datetime import date, datetime

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
SAID = {"description", "default", "example", "title"}


def _is(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def _format(value, name):
    try:
        if name == "date":
            return bool(re.match(r"^\d{4}-\d\d-\d\d$", value)) and bool(date.fromisoformat(value))
        if name == "date-time":
            whole = re.match(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z$", value)
            return bool(whole) and bool(datetime.fromisoformat(whole[1]))
    except ValueError:
        return False
    raise AssertionError(f"format {name}")


class Schemas:
    def __init__(self, document):
        self.document = document
        self.seen = set()

    def find(self, ref):
        node = self.document
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]
        self.seen.add(ref)
        return node

    def errors(self, value, schema, where="$"):
        """What is wrong with the value, as texts."""
        if "$ref" in schema:
            assert set(schema) <= {"$ref"} | SAID
            return self.errors(value, self.find(schema["$ref"]), where)
        found = []
        for key, rule in schema.items():
            if key not in SAID and not getattr(self, f"_{key}", self._unknown)(value, rule, schema, where, found):
                found.append(f"{where}: {value!r:.80} against {key} {rule!r:.80}")
        return found

    @staticmethod
    def _unknown(value, rule, schema, where, found):
        raise AssertionError(f"a keyword that is not checked here, at {where}: {sorted(schema)}")

    @staticmethod
    def _type(value, rule, *_):
        return any(_is(value, t) for t in ([rule] if isinstance(rule, str) else rule))

    @staticmethod
    def _enum(value, rule, *_):
        return value in rule

    @staticmethod
    def _pattern(value, rule, *_):
        return not isinstance(value, str) or bool(re.search(rule, value))

    @staticmethod
    def _format(value, rule, *_):
        return not isinstance(value, str) or _format(value, rule)

    @staticmethod
    def _minimum(value, rule, *_):
        return not _is(value, "number") or value >= rule

    @staticmethod
    def _maximum(value, rule, *_):
        return not _is(value, "number") or value <= rule

    @staticmethod
    def _minLength(value, rule, *_):
        return not isinstance(value, str) or len(value) >= rule

    @staticmethod
    def _maxLength(value, rule, *_):
        return not isinstance(value, str) or len(value) <= rule

    @staticmethod
    def _minItems(value, rule, *_):
        return not isinstance(value, list) or len(value) >= rule

    @staticmethod
    def _maxItems(value, rule, *_):
        return not isinstance(value, list) or len(value) <= rule

    @staticmethod
    def _required(value, rule, schema, where, found):
        missing = [k for k in rule if isinstance(value, dict) and k not in value]
        found += [f"{where}: no member {k}" for k in missing]
        return True

    def _properties(self, value, rule, schema, where, found):
        for key, sub in rule.items():
            if isinstance(value, dict) and key in value:
                found += self.errors(value[key], sub, f"{where}.{key}")
        return True

    def _additionalProperties(self, value, rule, schema, where, found):
        for key in value if isinstance(value, dict) else ():
            if key in schema.get("properties", {}):
                continue
            if rule is False:
                found.append(f"{where}: member {key} is not described")
            else:
                found += self.errors(value[key], rule, f"{where}.{key}")
        return True

    def _items(self, value, rule, schema, where, found):
        for i, item in enumerate(value if isinstance(value, list) else ()):
            found += self.errors(item, rule, f"{where}[{i}]")
        return True

    def _anyOf(self, value, rule, schema, where, found):
        tries = [self.errors(value, sub, where) for sub in rule]
        if all(tries):
            found += [e for t in tries for e in t]
        return True

    def _allOf(self, value, rule, schema, where, found):
        for sub in rule:
            found += self.errors(value, sub, where)
        return True


class Description:
    """Operations of an OpenAPI document, and a note of which answers were seen."""

    def __init__(self, document):
        self.document = document
        self.schemas = Schemas(document)
        self.operations = {o["operationId"]: (path, method.upper(), o) for path, item in document["paths"].items()
                           for method, o in item.items()}
        self.seen = set()

    def parameters(self, name):
        return [self.schemas.find(p["$ref"]) for p in self.operations[name][2].get("parameters", [])]

    def check(self, name, status, kind, body):
        """An answer against what is said of it."""
        operation = self.operations[name][2]
        assert str(status) in operation["responses"], f"{name}: {status} is not described: {body}"
        content = operation["responses"][str(status)]["content"]
        assert kind.split(";")[0] in content, f"{name}: {kind}"
        wrong = self.schemas.errors(body, content[kind.split(";")[0]]["schema"])
        assert not wrong, f"{name} {status}: " + "; ".join(wrong[:8])
        self.seen.add((name, str(status)))

    def check_request(self, name, body):
        return self.schemas.errors(body, self.operations[name][2]["requestBody"]["content"]["application/json"]["schema"])

    def answers(self):
        return {(name, status) for name, (_, _, o) in self.operations.items() for status in o["responses"]}
